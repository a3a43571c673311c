/** What `plan` says before the start, held against the tables of judge.md §4. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { StepPolicy } from '../../src/domain/policy.js';
import { blocksOf, detection, latencyDetection, literalFalseAlarms, type Look } from '../../src/judge/detection.js';
import { passing } from '../../src/judge/passing.js';
import { gate, lastStep, policy, randomFrom } from './traffic.js';

/** alpha_G1 = 5e-4 and alpha_G2 = 3.75e-4, as the tables have it. */
const lookAt = (weightBp: number, name: 'errors' | 'latency', changes: Partial<StepPolicy> = {}): Look => {
  const one = gate(name, changes.gates?.[0]);
  const spent = name === 'errors' ? 5e-4 : 3.75e-4;
  const step = policy({ weightBp, gates: [one], judgedSteps: 1, alpha: 2 * spent + 1e-3, ...changes });
  return { policy: { ...step, alpha: (2 * spent) / 0.9 }, gate: one, tickMs: 5_000, soakMaxMs: 3_600_000 };
};

const seconds = (ms: number | undefined): number => (ms ?? Infinity) / 1_000;
const about = (found: number | undefined, expected: number, why: string): void => {
  const tick = 5;
  const actual = seconds(found);
  assert.ok(Math.abs(actual - expected) <= Math.max(tick, 0.15 * expected), `${why}: ${actual} s, judge.md has ${expected} s`);
};

test('A worse release is found as fast as judge.md 4.2 has it, in the median and in 95 of 100.', () => {
  for (const [weightBp, rps, p1, median, p95] of [
    [100, 20, 1, 15, 30],
    [100, 200, 0.02, 145, 335],
    [500, 20, 0.2, 20, 40],
    [500, 200, 0.05, 10, 25],
    [2_500, 200, 0.005, 120, 220],
    [2_500, 20, 0.02, 95, 205],
  ] as const) {
    const found = detection(lookAt(weightBp, 'errors'), { requestsPerSecond: rps, stableRate: 0.001 }, p1);
    about(found.medianMs, median, `median at ${weightBp} bp, ${rps} rps, ${p1}`);
    about(found.p95Ms, p95, `p95 at ${weightBp} bp, ${rps} rps, ${p1}`);
  }
});

test('What the traffic cannot show within the soak is not promised.', () => {
  const { medianMs, p95Ms, share } = detection(lookAt(100, 'errors'), { requestsPerSecond: 20, stableRate: 0.001 }, 0.005);
  assert.deepEqual([medianMs, p95Ms], [undefined, undefined]);
  assert.ok(share < 0.05);
});

test('A slower release is found as fast as judge.md 4.4 has it.', () => {
  for (const [weightBp, rps, ratio, median] of [
    [100, 200, 1.5, 80],
    [500, 200, 1.5, 20],
    [2_500, 200, 1.2, 85],
    [2_500, 20, 2, 15],
  ] as const)
    about(latencyDetection(lookAt(weightBp, 'latency'), { requestsPerSecond: rps }, ratio).medianMs, median, `×${ratio}`);
});

test('The same plan gives the same figures.', () => {
  const once = () => passing(lookAt(500, 'errors'), { requestsPerSecond: 200, stableRate: 0.001 });
  assert.deepEqual(once(), once());
});

const at50 = (stableRate: number, requestsPerSecond: number, badRequestsBudget: StepPolicy['badRequestsBudget'] = 'auto') =>
  passing(lookAt(5_000, 'errors', { next: { weightBp: 10_000, soakMs: 1_800_000 }, badRequestsBudget }), {
    requestsPerSecond,
    stableRate,
  });

test('With few errors a healthy release passes by itself; with 1 % a budget of 75 holds it, and what would let it through does.', () => {
  const fine = at50(0.001, 20);
  assert.ok(fine.atSoakMax >= 0.95, String(fine.atSoakMax));
  assert.deepEqual([fine.budgetNeeded, fine.toleranceNeeded], [undefined, undefined]);
  const held = at50(0.01, 20, 75);
  assert.ok(held.atSoakMax < 0.95 && held.reason === 'uncertain', JSON.stringify(held));
  const through = { next: { weightBp: 10_000, soakMs: 1_800_000 }, badRequestsBudget: Math.ceil(held.budgetNeeded ?? 0) };
  const traffic = { requestsPerSecond: 20, stableRate: 0.01 };
  assert.ok(passing(lookAt(5_000, 'errors', through), traffic).atSoakMax >= 0.95);
  const tolerant = gate('errors', { tolerance: held.toleranceNeeded ?? 0 });
  const tolerantLook = lookAt(5_000, 'errors', { next: through.next, badRequestsBudget: 75, gates: [tolerant] });
  assert.ok(passing({ ...tolerantLook, gate: tolerant }, traffic).atSoakMax >= 0.95);
});

test('The automatic budget grows with the errors that stable has anyway, so that a healthy release passes with 1 % of them.', () => {
  for (const rps of [20, 200, 2_000]) assert.ok(at50(0.01, rps).atSoakMax >= 0.95, String(rps));
});

test('The requests that are needed are those at which a longer soak passes.', () => {
  const { requests, requestsNeeded, atSoak } = at50(0.01, 20);
  assert.ok(
    requestsNeeded !== undefined && requestsNeeded > requests && atSoak < 0.5,
    JSON.stringify([requests, requestsNeeded, atSoak]),
  );
});

test('A tick without requests on one side is pooled with the next, and nothing is lost.', () => {
  const blocks = [
    ...blocksOf(
      lookAt(5_000, 'errors'),
      { requestsPerSecond: 0.3, stableRate: 0.5 },
      { candidateRate: 0.5, everyMs: 5_000, untilMs: 3_600_000, random: randomFrom(5) },
    ),
  ];
  assert.ok(blocks.length > 100 && blocks.every(({ candidate, stable }) => candidate.requests > 0 && stable.requests > 0));
  const all = blocks.reduce((sum, { candidate, stable }) => sum + candidate.requests + stable.requests, 0);
  assert.ok(Math.abs(all - 0.3 * 3_600) < 100, String(all));
});

test('Without traffic nothing is found and nothing passes, and it is not for ever that one looks.', () => {
  const nobody = { requestsPerSecond: 0, stableRate: 0.001 };
  assert.equal(detection(lookAt(500, 'errors'), nobody, 1).share, 0);
  const { atSoakMax, requestsNeeded, reason } = passing(lookAt(500, 'errors'), nobody);
  assert.deepEqual([atSoakMax, requestsNeeded, reason], [0, undefined, 'no-baseline']);
});

test('At 100 % the candidate is held against what stable was known not to exceed.', () => {
  const step = lastStep({ gates: [gate('errors')], soakMs: 1_800_000 });
  const look: Look = {
    policy: step,
    gate: gate('errors'),
    tickMs: 5_000,
    soakMaxMs: 3_600_000,
    before: { weightBp: 5_000, soakMs: 600_000 },
  };
  const traffic = { requestsPerSecond: 200, stableRate: 0.001 };
  assert.ok(seconds(detection(look, traffic, 0.02).medianMs) <= 15);
  assert.ok(detection(look, traffic, 0.001).share === 0);
  assert.equal(passing(look, traffic).atSoak, 1);
});

test('The literal rule rolls back most healthy releases where errors are few and soaks short (judge.md 4.1).', () => {
  const literal = gate('errors', { mode: 'threshold' });
  const look = { ...lookAt(100, 'errors', { gates: [literal] }), gate: literal };
  assert.ok(literalFalseAlarms(look, { requestsPerSecond: 200, stableRate: 0.001 }) > 0.5);
  assert.equal(literalFalseAlarms(look, { requestsPerSecond: 200, stableRate: 0 }), 0);
});

test('More errors are never found later, whatever the traffic.', () => {
  fc.assert(
    fc.property(
      fc.constantFrom(100, 500, 2_500, 5_000),
      fc.double({ min: 1, max: 500, noNaN: true }),
      fc.double({ min: 0.001, max: 0.3, noNaN: true }),
      (weightBp, requestsPerSecond, candidateRate) => {
        const traffic = { requestsPerSecond, stableRate: 0.0005 };
        const [some, more] = [candidateRate, 3 * candidateRate].map((rate) =>
          detection(lookAt(weightBp, 'errors'), traffic, rate),
        );
        assert.ok(seconds(more?.medianMs) <= seconds(some?.medianMs) + 5);
      },
    ),
    { numRuns: 15 },
  );
});
