/** Evidence judged again under another policy says what that policy would have said on the spot. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { StepPolicy } from '../../src/domain/policy.js';
import type { Evidence, GateVerdict } from '../../src/domain/verdict.js';
import { judge, judgeAgain, openEvidence } from '../../src/judge/judge.js';
import { FIVE_GATES, gate, lastStep, policy, randomFrom, readingsOf, sample, type World } from './traffic.js';

const TICKS = 30;
const short = { soakMs: 100_000, minimumRequests: 50 };

/** The same readings judged under both policies, tick by tick; a failure ends the record, as it would end the step. */
function* sideBySide(
  world: World,
  recorded: StepPolicy,
  other: StepPolicy,
  seed: number,
): Generator<{ readonly evidence: Evidence; readonly there: readonly GateVerdict[]; readonly here: readonly GateVerdict[] }> {
  let [one, two] = [openEvidence(recorded), openEvidence(other)];
  let tick = 0;
  for (const reading of readingsOf(world, recorded.weightBp / 10_000, 5_000, randomFrom(seed))) {
    const [there, here] = [judge(recorded, one, reading), judge(other, two, reading)];
    [one, two] = [there.evidence, here.evidence];
    yield { evidence: there.evidence, there: there.verdicts, here: here.verdicts };
    if (++tick === TICKS || [...there.verdicts, ...here.verdicts].some(({ verdict }) => verdict === 'fail')) return;
  }
}

const world = fc.record({
  rps: fc.constantFrom(1, 20, 200),
  stableErrorRate: fc.constantFrom(0, 0.001, 0.01),
  candidateErrorRate: fc.constantFrom(0, 0.001, 0.01, 0.1, 0.6),
  latencyRatio: fc.constantFrom(1, 1.05, 1.5),
});
const said = (verdicts: readonly (GateVerdict | undefined)[]): readonly string[] =>
  verdicts.map((one) => `${String(one?.gate)} ${String(one?.verdict)} ${String(one?.reason)} ${String(one?.decisive)}`);
const numbers = (verdicts: readonly (GateVerdict | undefined)[]): readonly unknown[] =>
  verdicts.map((one) => [
    one?.figures['lowerBound'],
    one?.figures['upperBound'],
    one?.figures['logEvidence'],
    one?.figures['candidateRequests'],
  ]);

/** What cold starts leave out at the beginning depends on the soak, and is left out for good. */
const JUDGED_AGAIN = FIVE_GATES.filter((one) => one.gate !== 'cold-starts');

test('Another tolerance, alpha, soak, budget or minimum gives what it would have given on the spot, at every tick.', () => {
  fc.assert(
    fc.property(
      world,
      fc.constantFrom(100, 2_500),
      fc.record({
        tolerance: fc.constantFrom(0.00001, 0.0005, 0.01),
        alpha: fc.constantFrom(0.001, 0.05),
        soakMs: fc.constantFrom(20_000, 120_000),
        badRequestsBudget: fc.constantFrom(1, 75, 10_000),
        minimumRequests: fc.constantFrom(1, 500),
      }),
      fc.nat(1_000),
      (traffic, weightBp, { tolerance, ...changes }, seed) => {
        const recorded = policy({ ...short, weightBp, gates: JUDGED_AGAIN });
        const gates = JUDGED_AGAIN.map((one) => (one.gate === 'errors' ? { ...one, tolerance } : one));
        const other = policy({ ...short, ...changes, weightBp, gates });
        for (const { evidence, here } of sideBySide(traffic, recorded, other, seed)) {
          const again = judgeAgain(other, evidence, recorded);
          assert.deepEqual(said(again), said(here));
          assert.deepEqual(numbers(again), numbers(here));
        }
      },
    ),
    { numRuns: 60 },
  );
});

test('The same policy says again what it said, at 100 % as well.', () => {
  const step = lastStep({ ...short, gates: FIVE_GATES });
  const before = policy({ ...short, weightBp: 5_000 });
  let learnt = openEvidence(before);
  const traffic = { rps: 200, stableErrorRate: 0.001, candidateErrorRate: 0.001, latencyRatio: 1 };
  for (const { evidence } of sideBySide(traffic, before, before, 7)) learnt = evidence;
  let evidence = openEvidence(step, learnt);
  let ticks = 0;
  for (const reading of readingsOf(traffic, 1, 5_000, randomFrom(8))) {
    const judged = judge(step, evidence, reading);
    ({ evidence } = judged);
    assert.deepEqual(said(judgeAgain(step, evidence, step)), said(judged.verdicts));
    if (++ticks === TICKS) break;
  }
});

test('A failure of before does not stand under a policy that tolerates it.', () => {
  const recorded = policy({ ...short, weightBp: 2_500, gates: [gate('errors')] });
  const bad = { rps: 200, stableErrorRate: 0, candidateErrorRate: 0.05, latencyRatio: 1 };
  const last = [...sideBySide(bad, recorded, recorded, 1)].at(-1);
  assert.equal(last?.there[0]?.verdict, 'fail');
  const tolerant = policy({ ...recorded, gates: [gate('errors', { tolerance: 0.3 })] });
  assert.equal(judgeAgain(tolerant, last.evidence, recorded)[0]?.verdict, 'inconclusive');
});

test('The literal rule takes a recorded moment for as many ticks as it asks for, observing decides nothing.', () => {
  const recorded = policy({ ...short, weightBp: 2_500, gates: [gate('errors')] });
  const state = judge(recorded, openEvidence(recorded), {
    errors: sample(5_000, { stable: { requests: 3_000, bad: 3 }, candidate: { requests: 1_000, bad: 3 } }),
  }).evidence;
  const as = (mode: 'threshold' | 'observe') =>
    judgeAgain(policy({ ...recorded, gates: [gate('errors', { mode })] }), state, recorded)[0];
  assert.deepEqual([as('threshold')?.verdict, as('threshold')?.reason], ['fail', 'over-tolerance']);
  assert.deepEqual([as('observe')?.verdict, as('observe')?.decisive], ['inconclusive', false]);
});

test('What the evidence does not hold is not made up: another ratio of p95, drift, other gates, broken evidence.', () => {
  const recorded = policy({ ...short, weightBp: 2_500, gates: [gate('errors'), gate('latency'), gate('drift')] });
  const fine = { rps: 200, stableErrorRate: 0, candidateErrorRate: 0, latencyRatio: 1 };
  const evidence = [...sideBySide(fine, recorded, recorded, 1)].at(-1)?.evidence ?? null;
  const told = (other: StepPolicy, of: Evidence = evidence) => judgeAgain(other, of, recorded).map((one) => one?.gate);
  assert.deepEqual(told(recorded), ['errors', 'latency', undefined]);
  assert.deepEqual(told(policy({ ...recorded, gates: [gate('latency', { tolerance: 1.2 }), gate('dedupe')] })), [
    undefined,
    undefined,
  ]);
  assert.deepEqual(told(policy({ ...recorded, gates: [gate('latency', { mode: 'threshold' })] })), [undefined]);
  for (const broken of [1, null, { version: 9, gates: {} }, { version: 1, gates: { errors: [1, 2] } }])
    assert.deepEqual(told(recorded, broken), [undefined, undefined, undefined]);
});
