import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Reading } from '../../src/domain/reading.js';
import type { Evidence, GateVerdict } from '../../src/domain/verdict.js';
import { judge, openEvidence } from '../../src/judge/judge.js';
import { learn } from '../../src/judge/look-back.js';
import { BOUNDS_MS, FIVE_GATES, gate, policy, sample } from './traffic.js';

const NONE = { requests: 0, bad: 0 };
const FIRST_STEP = policy({ gates: [...FIVE_GATES, gate('custom:refused')], weightBp: 100 });

/** An hour in blocks of 30 s: 200 requests each over two replicas, one of which fails ten at once in every fourth block. */
const hour = (burst: number): readonly Reading[] =>
  Array.from({ length: 120 }, (_, index) => {
    const k = index + 1;
    const bad = burst * Math.floor(k / 4);
    const byReplica = { a: { requests: 100 * k, bad }, b: { requests: 100 * k, bad: 0 } };
    const stable = BOUNDS_MS.map((_bound, bucket) => (bucket === 10 ? 190 * k : bucket === 20 ? 10 * k : 0)).concat(0);
    return {
      errors: sample(30_000 * k, { candidate: NONE, stable: { requests: 200 * k, bad, byReplica } }, 0),
      latency: sample(30_000 * k, { boundsMs: BOUNDS_MS, counts: { candidate: stable.map(() => 0), stable } }, 0),
      queueAgeS: sample(30_000 * k, k % 2 === 0 ? 0 : 40, 0),
      custom: { refused: sample(30_000 * k, { candidate: NONE, stable: { requests: 200 * k, bad } }, 0) },
    };
  });

/** The first tick of the first step: three bad requests of the candidate, 60 of stable good. */
function firstTick(learnt: Evidence): readonly GateVerdict[] {
  const counts = { candidate: { requests: 10, bad: 3 }, stable: { requests: 990, bad: 0 } };
  return judge(FIRST_STEP, openEvidence(FIRST_STEP, learnt), {
    errors: sample(5_000, counts),
    custom: { refused: sample(5_000, counts) },
    latency: sample(5_000, {
      boundsMs: BOUNDS_MS,
      counts: {
        candidate: BOUNDS_MS.map((_, k) => (k === 10 ? 10 : 0)).concat(0),
        stable: BOUNDS_MS.map((_, k) => (k === 10 ? 990 : 0)).concat(0),
      },
    }),
    queueAgeS: sample(5_000, 60),
  }).verdicts;
}

const verdictOf = (verdicts: readonly GateVerdict[], name: string): GateVerdict => {
  const found = verdicts.find((one) => one.gate === name);
  assert.ok(found);
  return found;
};

test('three errors fail a release where stable never bursts, and prove nothing where ten come at once', () => {
  assert.equal(verdictOf(firstTick(learn(FIRST_STEP, [[]])), 'errors').verdict, 'fail');
  assert.equal(verdictOf(firstTick(learn(FIRST_STEP, [hour(0)])), 'errors').verdict, 'fail');
  const bursts = firstTick(learn(FIRST_STEP, [hour(10)]));
  assert.equal(verdictOf(bursts, 'errors').verdict, 'inconclusive');
  assert.equal(verdictOf(bursts, 'custom:refused').verdict, 'inconclusive', 'a gate of the user’s own learns as well');
});

test('it leaves what judging every reading by itself leaves, impossible ones among them', () => {
  const unexposed = { ...FIRST_STEP, weightBp: 0 };
  const readings: readonly Reading[] = [
    ...hour(10).slice(0, 40),
    {},
    { errors: sample(1_210_000, { candidate: NONE, stable: { requests: 1, bad: 2 } }, 0) },
    { errors: sample(5_000, { candidate: NONE, stable: { requests: 1, bad: 0 } }, 0), queueAgeS: sample(1_220_000, NaN, 0) },
    ...hour(10).slice(20),
  ];
  const oneByOne = readings.reduce((evidence, reading) => judge(unexposed, evidence, reading).evidence, openEvidence(unexposed));
  assert.deepEqual(learn(FIRST_STEP, [readings]), oneByOne);
});

test('the latency gate compares from the first request on, with stable’s p95 of the hour before', () => {
  const tested = (learnt: Evidence): number | undefined => verdictOf(firstTick(learnt), 'latency').figures['candidateTested'];
  assert.equal(tested(learn(FIRST_STEP, [[]])), 0, 'without a look-back the first requests choose what is slow');
  assert.equal(tested(learn(FIRST_STEP, [hour(0)])), 10);
});

test('a queue’s age is measured against twice the highest of the hour before', () => {
  assert.equal(verdictOf(firstTick(learn(FIRST_STEP, [hour(0)])), 'queue-age').figures['referenceS'], 80);
});

test('nothing of the look-back counts as seen in the step, whatever it would have said', () => {
  const doubled = hour(10).map(({ errors }, k) => ({
    ...(errors && { errors }),
    dedupe: sample(30_000 * (k + 1), { replays: 5, misses: 0, duplicateEffects: 1 }, 0),
  }));
  const [errors] = firstTick(learn(FIRST_STEP, [doubled]));
  assert.equal(errors?.figures['stableRequests'], 990);
  const next = judge(FIRST_STEP, openEvidence(FIRST_STEP, learn(FIRST_STEP, [doubled])), {}).verdicts;
  assert.deepEqual([...new Set(next.map(({ verdict }) => verdict))], ['blind'], 'no failure is latched');
});

test('told in parts it teaches the same, and of two sources the first one is believed', () => {
  const whole = learn(FIRST_STEP, [hour(10)]);
  const [early, late] = [hour(10).slice(0, 50), hour(10).slice(50)];
  assert.deepEqual(learn(FIRST_STEP, [late], learn(FIRST_STEP, [early])), whole);
  assert.deepEqual(learn(FIRST_STEP, [[...hour(10), {}], hour(0)]), whole);
  const errorsOnly = hour(10).map(({ errors }) => ({ ...(errors && { errors }) }));
  const both = learn(FIRST_STEP, [errorsOnly, hour(0)]);
  assert.equal(verdictOf(firstTick(both), 'errors').verdict, 'inconclusive', 'the first source’s errors');
  assert.equal(verdictOf(firstTick(both), 'latency').figures['candidateTested'], 10, 'the second one’s latency');
});

test('what is learnt of an hour fits a history', () => {
  const size = JSON.stringify(learn(FIRST_STEP, [hour(10)])).length;
  assert.ok(size < 8_192, `${String(size)} bytes`);
});
