import assert from 'node:assert/strict';
import { test } from 'node:test';
import { until, untilSeen, WaitedInVain } from './until.js';

test('until returns the value that ended the wait', async () => {
  let looks = 0;
  const value = await until(() => ++looks === 3 && 'there', { withinMs: 1_000, what: 'the third look', everyMs: 1 });
  assert.equal(value, 'there');
});

test('a wait in vain names what was awaited and what was seen last', async () => {
  const wait = untilSeen(
    () => ({ weight: 500 }),
    (seen) => seen.weight === 0,
    { withinMs: 40, what: 'weight 0', everyMs: 5 },
  );
  await assert.rejects(
    wait,
    (error) => error instanceof WaitedInVain && /for weight 0; last seen: \{ weight: 500 \}/.test(error.message),
  );
});

test('a look that throws is a "not yet", and the last error is told', async () => {
  const wait = until(() => Promise.reject(new Error('connection refused')), { withinMs: 40, what: 'a server', everyMs: 5 });
  await assert.rejects(wait, /for a server; last seen: error: connection refused/);
});

test('a look that hangs does not outlive the bound', async () => {
  const hung = new Promise<boolean>(() => undefined);
  await assert.rejects(
    until(() => hung, { withinMs: 40, what: 'an answer' }),
    /last seen: a look that did not return/,
  );
});
