/** At 100 % there is no stable beside the candidate: it is held against what stable was known not to exceed (judge.md §0). */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import type { StepPolicy } from '../../src/domain/policy.js';
import type { Evidence, GateVerdict } from '../../src/domain/verdict.js';
import { openDifference, stepDifference } from '../../src/judge/difference.js';
import type { Dispersion } from '../../src/judge/dispersion.js';
import { knownLimit } from '../../src/judge/gate.js';
import { judge, openEvidence } from '../../src/judge/judge.js';
import { OPEN_SLOW, stepSlow } from '../../src/judge/slow-requests.js';
import { BOUNDS_MS, gate, lastStep, policy, sample } from './traffic.js';

interface Case {
  readonly gate: 'errors' | 'latency';
  readonly stable: readonly [number, number];
  readonly icc: readonly [number, number, number, number] | null;
  readonly alpha: number;
  readonly limit: number;
  readonly ticks: readonly (readonly [number, number])[];
  readonly expect: readonly { readonly verdict: string; readonly lcb: number; readonly ucb: number; readonly logE: number }[];
}
const { cases } = JSON.parse(readFileSync(new URL('vectors-everybody.json', import.meta.url), 'utf8')) as {
  readonly cases: readonly Case[];
};

const isNear = (actual: number, expected: number): boolean =>
  Math.abs(actual - expected) <= 1e-6 * Math.max(1, Math.abs(expected));
const rules = {
  beta: 0.05,
  minimumRequests: 50,
  minimumStableRequests: 50,
  minimumBad: 3,
  staleMs: 20_000,
  soakMs: 600_000,
  noTrafficAfterMs: 60_000,
  weight: 1,
  passUnlessWorse: true,
};

for (const name of ['errors', 'latency'] as const) {
  test(`The one-sample ${name} test agrees with the primitive of the reference.`, () => {
    for (const vector of cases.filter((candidate) => candidate.gate === name)) {
      const [Q, E, N, T] = vector.icc ?? [0, 0, 0, 0];
      const dispersion: Dispersion = [Q, E, N, T, 0, 0, 0, 0];
      const limit = knownLimit({ requests: vector.stable[0], bad: vector.stable[1] }, dispersion);
      assert.ok(
        limit !== undefined && isNear(limit, vector.limit),
        `limit ${String(limit)}, the reference says ${String(vector.limit)}`,
      );
      let errors = openDifference(dispersion, limit);
      let slow = { ...OPEN_SLOW, dispersion, limit, boundary: 0 };
      vector.ticks.forEach(([requests, bad], k) => {
        const common = { ...rules, alpha: vector.alpha };
        const byErrors = (): ReturnType<typeof stepDifference> =>
          stepDifference(
            { ...common, tolerance: 0.0005, minimumBlock: 1 },
            errors,
            sample(5_000 * (k + 1), { candidate: { requests, bad }, stable: { requests: NaN, bad: 0 } }),
          );
        const histogram = { boundsMs: [100, 110, 121], counts: { candidate: [requests - bad, 0, bad, 0], stable: [] } };
        const bySlow = (): ReturnType<typeof stepSlow> =>
          stepSlow({ ...common, tolerance: 0, ratio: 1.1 }, slow, sample(5_000 * (k + 1), histogram));
        const { finding } = name === 'errors' ? byErrors() : bySlow();
        if (name === 'errors') errors = byErrors().state;
        else slow = { ...bySlow().state, limit };
        const expected = vector.expect[k];
        assert.ok(expected);
        assert.equal(finding.reason === 'worse', expected.verdict === 'fail' && finding.reason !== 'latched');
        assert.ok(
          isNear(finding.bounds.lower, expected.lcb) &&
            isNear(finding.bounds.upper, expected.ucb) &&
            isNear(finding.bounds.logEvidence, expected.logE),
          JSON.stringify([vector, k, finding]),
        );
      });
    }
  });
}

const half = policy({ gates: [gate('errors'), gate('latency')], weightBp: 5_000 });
const bake = lastStep({ gates: half.gates });

/** Counts a side, a share of bad ones, and that share slow: above the last bucket's bound but one. */
function reading(elapsedMs: number, requests: number, bad: number, slow: number): Parameters<typeof judge>[2] {
  const histogram = (of: number): number[] => BOUNDS_MS.map((_, k) => (k === 10 ? requests - of : k === 30 ? of : 0)).concat(0);
  return {
    errors: sample(elapsedMs, { candidate: { requests, bad }, stable: { requests, bad } }),
    latency: sample(elapsedMs, { boundsMs: BOUNDS_MS, counts: { candidate: histogram(slow), stable: histogram(slow) } }),
  };
}

function judged(
  step: StepPolicy,
  evidence: Evidence,
  ...readings: readonly Parameters<typeof judge>[2][]
): { readonly verdicts: readonly GateVerdict[]; readonly evidence: Evidence } {
  return readings.reduce<{ verdicts: readonly GateVerdict[]; evidence: Evidence }>((so, next) => judge(step, so.evidence, next), {
    verdicts: [],
    evidence,
  });
}

const afterHalf = judged(half, openEvidence(half), reading(300_000, 3_000, 3, 30), reading(600_000, 6_000, 6, 60)).evidence;

test('A candidate that stays as it was passes the bake, which no stable stands beside.', () => {
  const { verdicts } = judged(
    bake,
    openEvidence(bake, afterHalf),
    reading(300_000, 6_000, 6, 60),
    reading(600_000, 12_000, 12, 120),
  );
  assert.deepEqual(
    verdicts.map(({ verdict }) => verdict),
    ['pass', 'pass'],
  );
  assert.match(verdicts[0]?.sentence ?? '', /stable at most 0\.\d+ % before/);
});

test('A candidate that begins to fail at 100 % is found against the bound that stable had.', () => {
  const { verdicts } = judged(bake, openEvidence(bake, afterHalf), reading(5_000, 100, 60, 70));
  assert.deepEqual(
    verdicts.map(({ verdict, reason }) => [verdict, reason]),
    [
      ['fail', 'worse'],
      ['fail', 'worse'],
    ],
  );
  assert.equal(verdicts[0]?.gross, true);
});

test('Without anything carried an absolute ceiling of 50 % errors holds, and latency is blind.', () => {
  const opened = openEvidence(bake);
  const [bad, latency] = judged(bake, opened, reading(5_000, 200, 199, 0)).verdicts;
  assert.deepEqual([bad?.verdict, latency?.verdict, latency?.reason], ['fail', 'blind', 'no-baseline']);
  const [good] = judged(bake, opened, reading(300_000, 5_000, 200, 0), reading(600_000, 9_000, 400, 0)).verdicts;
  assert.deepEqual([good?.verdict, good?.reason], ['pass', 'certified']);
});

test('A stable that was hardly seen is no licence: the ceiling holds.', () => {
  assert.equal(knownLimit({ requests: 4, bad: 0 }, [0, 0, 0, 0, 0, 0, 0, 0]), 0.5);
  assert.equal(knownLimit({ requests: 0, bad: 0 }, [0, 0, 0, 0, 0, 0, 0, 0]), undefined);
});

test('Other buckets than the step before had make latency at 100 % blind, not wrong.', () => {
  const other = {
    ...reading(600_000, 6_000, 6, 60),
    latency: sample(600_000, { boundsMs: [100, 200], counts: { candidate: [1, 2, 3], stable: [] } }),
  };
  const latency = judged(bake, openEvidence(bake, afterHalf), other).verdicts[1];
  assert.deepEqual([latency?.verdict, latency?.reason], ['blind', 'no-baseline']);
});

test('A bake that is opened again keeps the limits that it had.', () => {
  const opened = openEvidence(bake, afterHalf);
  const { evidence } = judged(bake, opened, reading(5_000, 100, 0, 1));
  assert.deepEqual(openEvidence(bake, evidence), opened);
});
