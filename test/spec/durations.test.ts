import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { formatDuration, LONGEST_MS, parseDuration } from '../../src/spec/durations.js';

test('every unit is read in milliseconds', () => {
  assert.deepEqual(['500ms', '5s', '5m', '2h', '1d', '0s'].map(parseDuration), [500, 5_000, 300_000, 7_200_000, 86_400_000, 0]);
});

test('a number without a unit, a sum and a fraction are no durations', () => {
  for (const text of ['5', '', 's', '1h30m', '1.5h', '-5s', '5 s', '5S', '５s', '5s\n', '400d'])
    assert.equal(parseDuration(text), undefined, text);
});

test('a duration is written in the largest unit that fits exactly', () => {
  assert.deepEqual([0, 1, 1_500, 60_000, 90_000, 86_400_000].map(formatDuration), ['0s', '1ms', '1500ms', '1m', '90s', '1d']);
});

test('what is written is read back as the same milliseconds', () => {
  const seconds = fc.integer({ min: 0, max: LONGEST_MS / 1_000 }).map((s) => s * 1_000);
  fc.assert(
    fc.property(fc.oneof(fc.integer({ min: 0, max: 999_999_999 }), seconds), (ms) => parseDuration(formatDuration(ms)) === ms),
  );
});
