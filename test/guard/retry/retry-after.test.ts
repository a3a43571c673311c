import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { retryAfterMs } from '../../../src/guard/retry/retry-after.js';

const NOW = Date.parse('Wed, 25 Nov 2026 03:00:00 GMT');
const says = (retryAfter?: string, date?: string): number | undefined =>
  retryAfterMs(
    new Headers({ ...(retryAfter === undefined ? {} : { 'retry-after': retryAfter }), ...(date === undefined ? {} : { date }) }),
    NOW,
  );

test('seconds are seconds', () => {
  assert.deepEqual([says('0'), says('1'), says(' 120 ')], [0, 1_000, 120_000]);
});

test('a date is held against the answer’s own clock, and against ours where it tells none', () => {
  const at = 'Wed, 25 Nov 2026 04:00:07 GMT';
  assert.equal(says(at, 'Wed, 25 Nov 2026 04:00:00 GMT'), 7_000, 'a server whose clock is an hour ahead asks for 7 s');
  assert.equal(says(at), 3_607_000);
  assert.equal(says('Wednesday, 25-Nov-26 03:00:02 GMT'), 2_000);
  assert.equal(says('Wed, 25 Nov 2026 02:00:00 GMT'), 0, 'a time that is past is now');
});

test('what is no time says nothing', () => {
  for (const text of [undefined, '', 'soon', '-1', '1.5', '1e3', '2026-11-25', '99999999999', 'Wed, 99 Nov 2026'])
    assert.equal(says(text), undefined);
});

test('whatever it says is undefined or a time to wait', () => {
  const text = fc.string({ unit: fc.integer({ min: 0x20, max: 0x7e }).map((code) => String.fromCharCode(code)) });
  fc.assert(
    fc.property(text, text, (retryAfter, date) => {
      const ms = says(retryAfter, date);
      assert.ok(ms === undefined || (Number.isFinite(ms) && ms >= 0));
    }),
    { numRuns: 20_000 },
  );
});
