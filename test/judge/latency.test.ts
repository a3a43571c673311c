/** The latency gate without a look-back: the requests that choose what is compared are not tested, and prove nothing. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { StepPolicy } from '../../src/domain/policy.js';
import type { Reading } from '../../src/domain/reading.js';
import type { Evidence, GateVerdict } from '../../src/domain/verdict.js';
import { judge, openEvidence } from '../../src/judge/judge.js';
import { BOUNDS_MS, gate, lastStep, policy, sample } from './traffic.js';

/** All requests in the bucket that ends at 50 ms, but for the slowest twentieth at 100 ms. */
const counts = (requests: number): number[] => {
  const slow = Math.floor(requests / 20);
  return BOUNDS_MS.map((_, k) => (k === 7 ? requests - slow : k === 14 ? slow : 0)).concat(0);
};
const reading = (elapsedMs: number, candidate: number, stable: number): Reading => ({
  latency: sample(elapsedMs, { boundsMs: BOUNDS_MS, counts: { candidate: counts(candidate), stable: counts(stable) } }),
});

const steps = { gates: [gate('latency')], soakMs: 5_000, minimumRequests: 20 };
const half = policy({ ...steps, weightBp: 5_000, next: { weightBp: 10_000, soakMs: 5_000 } });
const bake = lastStep(steps);

function at(
  step: StepPolicy,
  before: Evidence | undefined,
  ...readings: readonly Reading[]
): { readonly found: GateVerdict; readonly evidence: Evidence } {
  let evidence = openEvidence(step, before);
  let found: GateVerdict | undefined;
  for (const next of readings) {
    const judged = judge(step, evidence, next);
    evidence = judged.evidence;
    [found] = judged.verdicts;
  }
  assert.ok(found);
  return { found, evidence };
}

test('A step does not pass on the requests that chose what is slow, however large its budget.', () => {
  const { found } = at(half, undefined, reading(1_000, 100, 100), reading(10_000, 400, 400));
  assert.deepEqual([found.verdict, found.reason, found.decisive], ['inconclusive', 'too-few-requests', true]);
  assert.match(found.sentence, /inconclusive: 20 more requests\.$/);
});

test('It passes once the minimum was tested, and the bake is then held against what stable had.', () => {
  const tested = [reading(10_000, 400, 400), reading(10_200, 410, 410), reading(11_000, 440, 440)];
  assert.equal(at(half, undefined, ...tested.slice(0, 2)).found.reason, 'too-few-requests');
  const passed = at(half, undefined, ...tested);
  assert.deepEqual([passed.found.verdict, passed.found.reason], ['pass', 'accepted-by-budget']);
  const { found } = at(bake, passed.evidence, reading(5_000, 400, 0));
  assert.equal(found.verdict, 'pass');
  assert.ok((found.figures['stableSlowShareLimit'] ?? 1) < 0.5);
});

test('A step too short to choose again keeps what the step before was judged with, and tests from its first request on.', () => {
  const known = at(half, undefined, reading(10_000, 400, 400)).evidence;
  const short = at(half, known, reading(5_000, 100, 100));
  assert.deepEqual([short.found.reason, short.found.figures['stableTested']], ['accepted-by-budget', 100]);
  const next = at(half, short.evidence, reading(5_000, 100, 100)).found;
  assert.deepEqual([next.reason, next.figures['stableTested']], ['accepted-by-budget', 100]);
  assert.equal(next.figures['boundaryMs'], short.found.figures['boundaryMs']);
});
