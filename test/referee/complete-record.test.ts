import { test } from 'node:test';
import { promoted, RecordInMaking } from './fixtures/record.js';
import { breaks, disturbed, upholds } from './fixtures/verdicts.js';

test('complete-record: the log has fewer requests than the services counted', () => {
  breaks(promoted().served('blue', 6), 'complete-record', /slot blue counted 6 user requests, but the access log has only 5/);
});

test('complete-record: garbled and partial lines, and a worker that talks past the recorder', () => {
  const garbled = promoted();
  garbled.garbled.push('{"at":-,');
  breaks(garbled, 'complete-record', /1 lines of the access log cannot be read/);
  breaks(promoted().line(1_700, { ts: '' }), 'complete-record', /does not say when, where or why/);
  breaks(new RecordInMaking().line(10), 'complete-record', /talk past the recorder/);
});

test('complete-record: a proxy that was killed takes the lines of what was under way with it', () => {
  upholds(promoted().served('blue', 6), disturbed('proxy', 3_000, 3_500));
});
