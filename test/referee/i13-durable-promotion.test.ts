import { test } from 'node:test';
import { promoted } from './fixtures/record.js';
import { breaks, disturbed } from './fixtures/verdicts.js';

test('I13: a new process of HAProxy that serves the old revision', () => {
  breaks(
    promoted().line(7_600, { pid: 101, why: 'no-lease', lease: 'expired' }),
    'I13',
    /HAProxy started anew, a user went elsewhere/,
  );
});

test('I13: a new process of HAProxy that calls the old revision stable', () => {
  const record = promoted().snapshot(9_100, { stable: 'blue', pid: 102 });
  record.rollouts.length = 0;
  record.exits.length = 0;
  breaks(record, 'I13', /it calls blue stable/);
});

test('I13: a reload that no user came after tests nothing', () => {
  const record = promoted();
  record.lines.pop();
  record.served('green', 6);
  breaks(record, 'I13', /nothing was tested/, disturbed('proxy', 7_000, 7_200));
});
