/** Whole rollouts over simulated traffic: what a healthy and a broken release live through. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { gate, randomFrom, REHEARSAL, rollOut, STANDARD, type World } from './traffic.js';

const healthy = (rps: number, errorRate: number): World => ({
  rps,
  stableErrorRate: errorRate,
  candidateErrorRate: errorRate,
  latencyRatio: 1,
});

for (const rps of [300, 2_000]) {
  test(`A rehearsal of a healthy service at ${String(rps)} requests a second is promoted by itself.`, () => {
    for (let seed = 1; seed <= 15; seed++)
      assert.deepEqual(rollOut(healthy(rps, 0.001), REHEARSAL, randomFrom(seed)), { kind: 'promoted' });
  });
}

test('A healthy service of 20 requests a second is promoted under the standard profile.', () => {
  for (let seed = 1; seed <= 3; seed++)
    assert.deepEqual(rollOut(healthy(20, 0.001), STANDARD, randomFrom(seed)), { kind: 'promoted' });
});

test('A release with 20 % errors is found at 1 % of 20 requests a second, in the median within two minutes.', () => {
  const times = Array.from({ length: 15 }, (_, k) => {
    const ending = rollOut({ ...healthy(20, 0.001), candidateErrorRate: 0.2 }, STANDARD, randomFrom(k + 1));
    assert.ok(ending.kind === 'failed' && ending.atBp === 100, JSON.stringify(ending));
    return ending.elapsedMs;
  });
  assert.ok((times.toSorted((a, b) => a - b)[7] ?? Infinity) <= 120_000, times.join());
});

test('A release that is twice as slow fails by latency.', () => {
  for (let seed = 1; seed <= 5; seed++) {
    const ending = rollOut({ ...healthy(200, 0), latencyRatio: 2 }, STANDARD, randomFrom(seed));
    assert.ok(
      ending.kind === 'failed' && ending.verdicts.some(({ gate: name, verdict }) => name === 'latency' && verdict === 'fail'),
      JSON.stringify(ending),
    );
  }
});

test('A release that is 5 % slower, which is tolerated, does not fail.', () => {
  for (let seed = 1; seed <= 10; seed++)
    assert.notEqual(rollOut({ ...healthy(300, 0), latencyRatio: 1.05 }, REHEARSAL, randomFrom(seed)).kind, 'failed');
});

test('The literal rule rolls back identical releases, which is why it is not the default.', () => {
  const failed = Array.from({ length: 10 }, (_, k) =>
    rollOut(healthy(20, 0.01), { ...STANDARD, soakMaxMs: 600_000 }, randomFrom(k + 1), [gate('errors', { mode: 'threshold' })]),
  ).filter(({ kind }) => kind === 'failed');
  assert.ok(failed.length >= 5, String(failed.length));
});
