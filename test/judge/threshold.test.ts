/** The literal rule (`threshold`), for those who want it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Reading } from '../../src/domain/reading.js';
import type { GateVerdict } from '../../src/domain/verdict.js';
import { judge, openEvidence } from '../../src/judge/judge.js';
import { BOUNDS_MS, gate, lastStep, policy, sample } from './traffic.js';

const literal = policy({ gates: [gate('errors', { mode: 'threshold' })] });

const tick = (elapsedMs: number, requests: number, bad: number, stableBad = 0): Reading => ({
  errors: sample(elapsedMs, { candidate: { requests, bad }, stable: { requests: requests * 19, bad: stableBad } }),
});

function verdicts(step: typeof literal, ...readings: readonly Reading[]): GateVerdict[] {
  let evidence = openEvidence(step);
  return readings.map((reading) => {
    const judged = judge(step, evidence, reading);
    evidence = judged.evidence;
    const [found] = judged.verdicts;
    assert.ok(found);
    return found;
  });
}
const reasons = (found: readonly GateVerdict[]): string[] => found.map(({ reason }) => reason);

test('Three ticks in a row over the tolerance fail, and not two.', () => {
  assert.deepEqual(
    reasons(verdicts(literal, tick(5_000, 100, 1), tick(10_000, 200, 2), tick(15_000, 300, 3), tick(20_000, 9_000, 3))),
    ['soaking', 'soaking', 'over-tolerance', 'latched'],
  );
  assert.deepEqual(
    reasons(verdicts(literal, tick(5_000, 100, 1), tick(10_000, 200, 2), tick(15_000, 9_000, 2), tick(20_000, 9_100, 6))),
    ['soaking', 'soaking', 'soaking', 'soaking'],
  );
});

test('The same sample read three times is one tick.', () => {
  assert.deepEqual(reasons(verdicts(literal, tick(5_000, 100, 1), tick(5_000, 100, 1), tick(5_000, 100, 1))), [
    'soaking',
    'soaking',
    'soaking',
  ]);
});

test('Fewer requests than the minimum neither fail nor pass.', () => {
  assert.deepEqual(
    reasons(verdicts(literal, tick(5_000, 10, 10), tick(10_000, 20, 20), tick(15_000, 40, 40), tick(600_000, 49, 49))),
    ['soaking', 'soaking', 'soaking', 'too-few-requests'],
  );
});

test('After the soak it passes within tolerance, and waits over it.', () => {
  const [passed] = verdicts(literal, tick(600_000, 10_000, 4));
  assert.deepEqual([passed?.verdict, passed?.reason], ['pass', 'within-tolerance']);
  const [waiting] = verdicts(literal, tick(600_000, 10_000, 40));
  assert.deepEqual([waiting?.verdict, waiting?.reason], ['inconclusive', 'uncertain']);
  assert.match(waiting?.sentence ?? '', /0\.4 points worse \(tolerance 0\.05\), 1 of 3 ticks in a row/);
});

test('A difference of ten times the tolerance is gross.', () => {
  const grossOf = (bad: number): boolean | undefined =>
    verdicts(literal, tick(5_000, 1_000, bad), tick(10_000, 1_000, bad), tick(15_000, 1_000, bad)).at(-1)?.gross;
  assert.deepEqual([grossOf(4), grossOf(6)], [false, true]);
});

test('Latency compares the two p95, and at 100 % the slow share with what stable was known to have.', () => {
  const step = policy({ gates: [gate('latency', { mode: 'threshold', consecutive: 1 })] });
  const histogram = (bucket: number, n: number): number[] => BOUNDS_MS.map((_, k) => (k === bucket ? n : 0)).concat(0);
  const at = (elapsedMs: number, candidate: number, n = 1_000): Reading => ({
    latency: sample(elapsedMs, { boundsMs: BOUNDS_MS, counts: { stable: histogram(10, n), candidate: histogram(candidate, n) } }),
  });
  assert.equal(verdicts(step, at(5_000, 12))[0]?.reason, 'over-tolerance');
  assert.equal(verdicts(step, at(600_000, 10))[0]?.verdict, 'pass');
  const before = judge(step, judge(step, openEvidence(step), at(5_000, 10)).evidence, at(600_000, 10, 3_000)).evidence;
  const bake = lastStep({ gates: step.gates });
  assert.equal(judge(bake, openEvidence(bake, before), at(5_000, 20)).verdicts[0]?.reason, 'over-tolerance');
  assert.equal(judge(bake, openEvidence(bake, before), at(600_000, 10)).verdicts[0]?.verdict, 'pass');
});

test('The one-sample gates have a literal rule, too.', () => {
  const step = policy({ gates: [gate('cold-starts', { mode: 'threshold', consecutive: 1 })] });
  const at = (bad: number): Reading => ({
    coldStarts: sample(600_000, { candidate: { requests: 100, bad }, stable: { requests: 100, bad: 0 } }),
  });
  assert.deepEqual([verdicts(step, at(5))[0]?.verdict, verdicts(step, at(6))[0]?.verdict], ['pass', 'fail']);
});
