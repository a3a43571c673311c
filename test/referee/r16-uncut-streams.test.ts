import { test } from 'node:test';
import { BEGIN, promoted } from './fixtures/record.js';
import { breaks, disturbed, upholds } from './fixtures/verdicts.js';

test('R16: an answer that a server or an operator cut', () => {
  breaks(promoted().line(1_700, { ts: 'SD--', ct: 'text/event-stream' }), 'R16', /an answer was cut/);
  breaks(promoted().onGreen(1_700, { ts: 'KD--' }), 'R16', /an answer was cut/);
});

test('R16: a client that left, and a slot that the test killed, cut nothing', () => {
  upholds(promoted().line(1_700, { ts: 'CD--' }));
  upholds(promoted().line(1_700, { ts: 'SD--', Ta: 2_000 }), disturbed('slot', 3_000, 3_500, 'blue'));
  breaks(promoted().line(1_700, { ts: 'SD--', Ta: 2_000 }), 'R16', /cut/, disturbed('slot', 3_000, 3_500, 'green'));
});

test('R16: a stream that a revision could not finish, though no client left', () => {
  const stream = { number: 1, kind: 'user', startedAt: BEGIN + 1_600, endedAt: BEGIN + 1_900, finished: false } as const;
  breaks(promoted().served('blue', 5, [stream]), 'R16', /could not finish 1 of its 1 streams/);
  upholds(promoted().served('blue', 5, [stream]).line(1_600, { ts: 'CD--' }));
});
