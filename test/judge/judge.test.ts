/** The seam of the judge: what it says of a reading, gate by gate. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { GatePolicy, StepPolicy } from '../../src/domain/policy.js';
import type { Reading } from '../../src/domain/reading.js';
import { combine, type Evidence, type GateName, type GateVerdict } from '../../src/domain/verdict.js';
import { alphaOf } from '../../src/judge/alpha.js';
import { judge, openEvidence } from '../../src/judge/judge.js';
import { BOUNDS_MS, FIVE_GATES, gate, policy, sample } from './traffic.js';

function errors(
  elapsedMs: number,
  candidate: readonly [number, number],
  stable: readonly [number, number],
  ageMs?: number,
): Reading {
  const counts = ([requests, bad]: readonly [number, number]): { requests: number; bad: number } => ({ requests, bad });
  return { errors: sample(elapsedMs, { candidate: counts(candidate), stable: counts(stable) }, ageMs) };
}

/** The last verdict of a one-gate policy over readings. */
function last(step: StepPolicy, ...readings: readonly Reading[]): GateVerdict {
  let evidence = openEvidence(step);
  let found: GateVerdict | undefined;
  for (const reading of readings) {
    const judged = judge(step, evidence, reading);
    evidence = judged.evidence;
    found = judged.verdicts[0];
  }
  assert.ok(found);
  return found;
}

const only = (name: GateName, changes: Partial<GatePolicy> = {}, step: Partial<StepPolicy> = {}): StepPolicy =>
  policy({ gates: [gate(name, changes)], ...step });

for (const [weightBp, requests] of [
  [100, 3],
  [500, 3],
  [2_500, 7],
  [5_000, 13],
] as const) {
  test(`At ${String(weightBp / 100)} % a total failure against a clean stable is found on the first tick that holds ${String(requests)} candidate requests.`, () => {
    const stable = Math.round((requests * (10_000 - weightBp)) / weightBp);
    const [found] = judge(
      policy({ weightBp }),
      openEvidence(policy({ weightBp })),
      errors(5_000, [requests, requests], [stable, 0]),
    ).verdicts;
    assert.deepEqual([found?.verdict, found?.reason], ['fail', 'worse']);
  });
}

test('The gates share alpha less what the probes spend, and the same step entered again has half as much.', () => {
  const step = policy();
  assert.ok(Math.abs(alphaOf('errors', step) - (0.009 * 0.4) / 5 / 2) < 1e-12);
  assert.equal(alphaOf('errors', policy({ earlierEntries: 1 })), alphaOf('errors', step) / 2);
  const withCustom = policy({ gates: [...FIVE_GATES, gate('custom:refusals'), gate('drift')] });
  const total = withCustom.gates.reduce((sum, { gate: name }) => sum + alphaOf(name, withCustom) * 2 * 5, 0);
  assert.ok(Math.abs(total - 0.009) < 1e-12);
  assert.equal(alphaOf('drift', withCustom), 0);
});

test('A gate without its signal is blind for want of it, an old sample is stale, an impossible one invalid.', () => {
  const step = policy({ gates: [...FIVE_GATES, gate('drift'), gate('custom:refusals')] });
  const none = judge(step, openEvidence(step), {}).verdicts;
  assert.deepEqual(new Set(none.map(({ verdict, reason }) => `${verdict} ${reason}`)), new Set(['blind missing']));
  assert.equal(combine(none), 'blind');
  assert.equal(last(only('errors'), errors(5_000, [10, 0], [100, 0], 20_001)).reason, 'stale');
  assert.equal(last(only('errors'), errors(5_000, [10, 11], [100, 0])).reason, 'invalid');
});

test('A blind tick loses nothing: the next good one carries the whole increment.', () => {
  const found = last(
    only('errors', {}, { weightBp: 100 }),
    errors(5_000, [1, 0], [100, 0]),
    errors(10_000, [6, 5], [600, 0], 99_000),
    {},
    errors(20_000, [6, 5], [600, 0]),
  );
  assert.equal(found.verdict, 'fail');
});

test('Time that goes backwards is not believed.', () => {
  const found = last(only('errors'), errors(600_000, [3_000, 0], [57_000, 0]), errors(599_000, [3_100, 0], [57_100, 0]));
  assert.deepEqual([found.verdict, found.reason], ['blind', 'invalid']);
});

test('A gate that observes is judged and decides nothing.', () => {
  const found = last(only('errors', { mode: 'observe' }, { weightBp: 100 }), errors(5_000, [9, 9], [900, 0]));
  assert.deepEqual([found.verdict, found.decisive], ['fail', false]);
});

test('A clean service passes by its budget after the soak and not before; the harm is shown.', () => {
  const step = only('errors');
  assert.equal(last(step, errors(599_000, [600, 0], [11_400, 0])).reason, 'soaking');
  const found = last(step, errors(600_000, [600, 0], [11_400, 0]));
  assert.deepEqual([found.verdict, found.reason], ['pass', 'accepted-by-budget']);
  assert.equal(found.figures['expectedNextRequests'], 3_000);
  assert.equal(found.figures['budgetBadRequests'], 75);
  assert.match(
    found.sentence,
    /^5xx: candidate 0 of 600 \(0 %\), stable 0 of 11,400 \(0 %\): accepted: at most \d+ extra bad requests at the next step \(25\.0 %\)\.$/,
  );
});

test('The automatic budget is 0.02 % of a large next step, and ten times the errors’ for latency.', () => {
  const step = policy({ gates: [gate('errors'), gate('latency')] });
  const at = (elapsedMs: number, requests: number): Reading => {
    const counts = BOUNDS_MS.map((_, k) => (k === 5 ? requests : 0)).concat(0);
    return {
      ...errors(elapsedMs, [requests, 0], [requests, 0]),
      latency: sample(elapsedMs, { boundsMs: BOUNDS_MS, counts: { candidate: counts, stable: counts } }),
    };
  };
  const { verdicts } = judge(step, judge(step, openEvidence(step), at(300_000, 1_000)).evidence, at(600_000, 2_000));
  const budgets = verdicts.map(({ figures }) => Math.round((figures['budgetBadRequests'] ?? 0) * 1e6) / 1e6);
  assert.deepEqual(budgets, [75, 750]);
  assert.equal(
    last(only('errors', {}, { badRequestsBudget: 31 }), errors(600_000, [600, 0], [11_400, 0])).figures['budgetBadRequests'],
    31,
  );
  const busy = last(only('errors'), errors(600_000, [100_000, 60], [1_900_000, 380]));
  assert.equal(Math.round(busy.figures['budgetBadRequests'] ?? 0), 100);
});

test('Where stable has many errors the automatic budget is eight standard deviations of what it has at the next step.', () => {
  const found = last(only('errors'), errors(600_000, [100_000, 1_000], [1_900_000, 19_000]));
  assert.equal(Math.round(found.figures['budgetBadRequests'] ?? 0), Math.round(8 * Math.sqrt(500_000 * 0.01 * 0.99)));
  const given = last(only('errors', {}, { badRequestsBudget: 75 }), errors(600_000, [100_000, 1_000], [1_900_000, 19_000]));
  assert.equal(given.figures['budgetBadRequests'], 75);
});

test('Too little to judge says how much more it takes, in requests and time.', () => {
  const few = last(only('errors'), errors(600_000, [30, 0], [570, 0]));
  assert.equal(few.reason, 'too-few-requests');
  assert.match(few.sentence, /inconclusive: 20 more requests or 7 min\.$/);
  const uncertain = last(only('errors', {}, { badRequestsBudget: 10 }), errors(600_000, [600, 1], [11_400, 9]));
  assert.equal(uncertain.reason, 'uncertain');
  assert.match(uncertain.sentence, /inconclusive: [\d,]+ more requests or \d+ min; at most/);
});

test('So many more requests as it said at the same rates, and it passes.', () => {
  const step = only('errors', {}, { badRequestsBudget: 10 });
  const more = last(step, errors(600_000, [600, 1], [11_400, 9])).figures['moreRequests'] ?? 0;
  assert.ok(more > 0);
  const factor = (600 + more) / 600;
  // The same again and again, tick by tick, as the estimate supposes; the next step's requests do not grow with the soak.
  const found = last(
    step,
    errors(600_000, [600, 1], [11_400, 9]),
    errors(600_000 * factor, [600 * factor, factor], [11_400 * factor, 9 * factor]),
  );
  assert.equal(found.verdict, 'pass');
});

test('A failure is told with its counts, its certain size and what it spent.', () => {
  const { sentence, gross, figures } = last(only('errors', {}, { weightBp: 500 }), errors(35_000, [480, 12], [9_120, 9]));
  assert.match(
    sentence,
    /^5xx: candidate 12 of 480 \(2\.5 %\), stable 9 of 9,120 \(0\.10 %\): at least 0\.\d+ points worse \(tolerance 0\.05\)\. Failed after 35 s\. False-alarm budget used: 0\.09 of 1 %\.$/,
  );
  assert.equal(gross, (figures['lowerBound'] ?? 0) >= 0.005);
});

test('A failure stands, whatever comes after it, and only in its own step.', () => {
  const step = only('errors', {}, { weightBp: 100 });
  const { evidence } = judge(step, openEvidence(step), errors(5_000, [9, 9], [900, 0]));
  const later = judge(step, evidence, errors(600_000, [60_000, 9], [6_000_000, 0])).verdicts[0];
  assert.deepEqual([later?.verdict, later?.reason], ['fail', 'latched']);
  assert.equal(judge(step, evidence, {}).verdicts[0]?.verdict, 'fail');
  assert.equal(judge(step, openEvidence(step, evidence), errors(5_000, [9, 0], [900, 0])).verdicts[0]?.verdict, 'inconclusive');
});

test('Without any stable request the candidate can fail against the ceiling and never pass.', () => {
  assert.equal(last(only('errors'), errors(5_000, [60, 60], [0, 0])).verdict, 'fail');
  const found = last(only('errors'), errors(600_000, [6_000, 0], [0, 0]));
  assert.deepEqual([found.verdict, found.reason], ['blind', 'no-baseline']);
});

test('A side without traffic is noticed after a minute, or after the soak where that is shorter.', () => {
  const step = only('errors', {}, { soakMs: 5_000, weightBp: 100 });
  assert.equal(last(step, errors(4_000, [0, 0], [3_000, 0])).reason, 'soaking');
  assert.equal(last(step, errors(5_000, [0, 0], [3_000, 0])).reason, 'no-canary');
  assert.equal(last(only('errors'), errors(59_000, [0, 0], [3_000, 0])).reason, 'soaking');
});

test('Dedupe without replays is vacuous: it is reported and decides nothing.', () => {
  const found = last(only('dedupe'), { dedupe: sample(600_000, { replays: 0, misses: 0, duplicateEffects: 0 }) });
  assert.deepEqual([found.verdict, found.decisive], ['inconclusive', false]);
  assert.match(found.sentence, /not judged \(vacuous\)/);
  const seen = last(only('dedupe'), { dedupe: sample(600_000, { replays: 100, misses: 0, duplicateEffects: 0 }) });
  assert.deepEqual([seen.verdict, seen.decisive], ['pass', true]);
});

test('A handful of replays, none missed, is not judged and holds nobody; with one missed the gate waits for more.', () => {
  const seen = (replays: number, misses: number, changes: Partial<GatePolicy> = {}): GateVerdict =>
    last(only('dedupe', changes), { dedupe: sample(600_000, { replays, misses, duplicateEffects: 0 }) });
  const handful = seen(49, 0);
  assert.deepEqual([handful.verdict, handful.reason, handful.decisive], ['inconclusive', 'too-few-requests', false]);
  assert.match(handful.sentence, /not judged \(vacuous\): fewer than 50 were seen, and none missed\.$/);
  assert.equal(combine([handful, { ...handful, gate: 'errors', verdict: 'pass', decisive: true }]), 'pass');
  assert.equal(seen(49, 0, { mode: 'threshold' }).decisive, false);
  assert.deepEqual([seen(49, 1).verdict, seen(49, 1).decisive], ['inconclusive', true]);
  assert.deepEqual([seen(49, 3).verdict, seen(49, 3).decisive], ['fail', true]);
  assert.deepEqual([seen(50, 0).verdict, seen(50, 0).decisive], ['pass', true]);
});

test('A duplicate effect fails at once, with or without replays, and is gross.', () => {
  const found = last(only('dedupe'), { dedupe: sample(5_000, { replays: 0, misses: 0, duplicateEffects: 1 }) });
  assert.deepEqual([found.verdict, found.reason, found.gross, found.decisive], ['fail', 'duplicate-effect', true, true]);
});

test('Cold starts over the limit fail; those of the first moments are not counted.', () => {
  const cold = (elapsedMs: number, requests: number, bad: number): Reading => ({
    coldStarts: sample(elapsedMs, { candidate: { requests, bad }, stable: { requests: 0, bad: 0 } }),
  });
  assert.equal(last(only('cold-starts'), cold(5_000, 20, 20), cold(60_000, 300, 20)).verdict, 'inconclusive');
  assert.equal(last(only('cold-starts'), cold(5_000, 20, 20), cold(60_000, 300, 110)).verdict, 'fail');
  assert.equal(last(only('cold-starts'), cold(600_000, 100, 3)).reason, 'within-tolerance');
});

test('A queue that grows fails; one twice as old as in the step before does not.', () => {
  const step = only('queue-age');
  const ages = (values: readonly number[]): Reading[] => values.map((age, k) => ({ queueAgeS: sample(5_000 * (k + 1), age) }));
  assert.equal(last(step, ...ages([10, 20, 30, 40, 50, 60, 70, 80, 90])).reason, 'growth');
  let evidence: Evidence = openEvidence(step);
  for (const reading of ages([1, 40, 2, 40, 3])) evidence = judge(step, evidence, reading).evidence;
  evidence = openEvidence(step, evidence);
  for (const reading of ages([10, 20, 30, 40, 50, 60, 70])) {
    const judged = judge(step, evidence, reading);
    evidence = judged.evidence;
    assert.equal(judged.verdicts[0]?.verdict, 'inconclusive');
  }
});

test('What a queue reached in any step before is healthy, however quiet the last one was.', () => {
  const step = only('queue-age');
  const ages = (values: readonly number[]): Reading[] => values.map((age, k) => ({ queueAgeS: sample(5_000 * (k + 1), age) }));
  let evidence: Evidence = openEvidence(step);
  for (const values of [
    [1, 40, 2, 40, 3],
    [1, 2, 1],
  ]) {
    for (const reading of ages(values)) evidence = judge(step, evidence, reading).evidence;
    evidence = openEvidence(step, evidence);
  }
  const verdicts = ages([35, 40, 45, 50, 55, 60, 65, 70, 75]).map((reading) => {
    const judged = judge(step, evidence, reading);
    evidence = judged.evidence;
    return judged.verdicts[0]?.verdict;
  });
  assert.ok(!verdicts.includes('fail'), verdicts.join());
});

test('Drift within tolerance passes, for the worse it fails, for the better a human decides.', () => {
  const drift = (...differences: readonly number[]): Reading => ({ drift: sample(5_000, differences) });
  const twenty = (difference: number): number[] => new Array<number>(20).fill(difference);
  assert.equal(last(only('drift'), drift(...twenty(0.03))).verdict, 'pass');
  assert.deepEqual(
    [last(only('drift'), drift(...twenty(0.031))).verdict, last(only('drift'), drift(...twenty(0.031))).reason],
    ['fail', 'over-tolerance'],
  );
  assert.deepEqual(
    [last(only('drift'), drift(...twenty(-0.2))).verdict, last(only('drift'), drift(...twenty(-0.2))).reason],
    ['inconclusive', 'improved'],
  );
  assert.equal(last(only('drift'), drift(...twenty(-0.2).slice(2), 0.11, 0.11)).verdict, 'fail');
  assert.equal(last(only('drift'), drift(0, 0)).reason, 'too-few-requests');
});

test('Slow answers fail the latency gate whatever both sides share; the sentence tells the ratio that the buckets allow.', () => {
  const at = (stable: number, candidate: number, requests: number): Reading => {
    const histogram = (bucket: number, n: number): number[] => BOUNDS_MS.map((_, k) => (k === bucket ? n : 0)).concat(0);
    return {
      latency: sample(requests, {
        boundsMs: BOUNDS_MS,
        counts: { stable: histogram(stable, requests), candidate: histogram(candidate, requests / 10) },
      }),
    };
  };
  const worse = last(only('latency'), at(10, 10, 1_000), at(10, 12, 1_000), at(10, 12, 3_000));
  assert.equal(worse.verdict, 'fail');
  assert.match(worse.sentence, /slower than 1\.10 × the old p95/);
  assert.equal(last(only('latency'), at(10, 11, 1_000), at(10, 11, 3_000)).verdict, 'inconclusive');
});

test('Latency learns its boundary from the step before, so nothing of the next step is spent on choosing.', () => {
  const step = only('latency');
  const histogram = (n: number): number[] => BOUNDS_MS.map((_, k) => (k === 10 ? n : 0)).concat(0);
  const reading = {
    latency: sample(1_000, { boundsMs: BOUNDS_MS, counts: { stable: histogram(1_000), candidate: histogram(100) } }),
  };
  const first = judge(step, openEvidence(step), reading);
  assert.equal(first.verdicts[0]?.figures['candidateTested'], 0);
  assert.equal(judge(step, openEvidence(step, first.evidence), reading).verdicts[0]?.figures['candidateTested'], 100);
});

test('A look-back at weight 0 teaches the bursts and the latency of stable before the first step.', () => {
  const before = policy({ gates: [gate('errors'), gate('latency')], weightBp: 0 });
  let evidence = openEvidence(before);
  const none = BOUNDS_MS.map(() => 0).concat(0);
  for (let k = 1; k <= 20; k++) {
    const byReplica = { a: { requests: 100 * k, bad: 20 * Math.floor(k / 2) }, b: { requests: 100 * k, bad: 0 } };
    const stable = { requests: 200 * k, bad: 20 * Math.floor(k / 2), byReplica };
    const histogram = BOUNDS_MS.map((_, bucket) => (bucket === 10 ? 200 * k : 0)).concat(0);
    evidence = judge(before, evidence, {
      errors: sample(5_000 * k, { candidate: { requests: 0, bad: 0 }, stable }),
      latency: sample(5_000 * k, { boundsMs: BOUNDS_MS, counts: { candidate: none, stable: histogram } }),
    }).evidence;
  }
  const step = policy({ gates: before.gates, weightBp: 100 });
  const [learnt] = judge(step, openEvidence(step, evidence), errors(5_000, [3, 3], [297, 0])).verdicts;
  assert.equal(learnt?.verdict, 'inconclusive', 'three errors prove nothing where ten come at once');
  assert.ok((learnt.figures['dispersion'] ?? 0) > 5);
});

test('A custom gate compares its own proportion.', () => {
  const custom = (bad: number): Reading => ({
    custom: { refusals: sample(5_000, { candidate: { requests: 100, bad }, stable: { requests: 1_900, bad: 0 } }) },
  });
  assert.equal(last(only('custom:refusals'), custom(30)).verdict, 'fail');
  assert.equal(last(only('custom:refusals'), custom(0)).verdict, 'inconclusive');
});

const absolute = { source: 'prod', kind: 'mapped', comparison: 'absolute' } as const;
const value = (fails: 'above' | 'below') =>
  ({ source: 'prod', kind: 'value', value: { kind: 'promql', parts: ['x'] }, fails }) as const;

test('A custom gate that is held to its tolerance by itself needs no stable, and passes unless it is over it.', () => {
  const step = only('custom:refusals', { tolerance: 0.05, measure: absolute });
  const seen = (elapsedMs: number, bad: number): Reading => ({
    custom: { refusals: sample(elapsedMs, { candidate: { requests: 400, bad }, stable: { requests: 0, bad: 0 } }) },
  });
  assert.equal(last(step, seen(5_000, 60)).verdict, 'fail');
  assert.deepEqual(last(step, seen(5_000, 16), seen(600_000, 16)).verdict, 'pass');
  assert.match(last(step, seen(5_000, 60)).sentence, /^refusals: candidate 60 of 400 \(15\.0 %\): at least .* \(limit 5\.0 %\)/);
});

test('A value over its threshold fails after so many ticks in a row, and only for newer samples.', () => {
  const step = only('custom:load', { mode: 'threshold', tolerance: 0.8, consecutive: 3, measure: value('above') });
  const at = (elapsedMs: number, load: number): Reading => ({ custom: { load: sample(elapsedMs, load) } });
  const ticks = (...loads: readonly number[]) => loads.map((load, k) => at(5_000 * (k + 1), load));
  assert.deepEqual(
    [ticks(0.9, 0.9, 0.8), ticks(0.9, 0.9, 0.9), [at(5_000, 0.9), at(5_000, 0.9), at(5_000, 0.9)], ticks(0.9, 0.9, 0.1, 0.9)].map(
      (readings) => last(step, ...readings).verdict,
    ),
    ['inconclusive', 'fail', 'inconclusive', 'inconclusive'],
  );
  const failed = last(step, ...ticks(0.9, 0.9, 0.95));
  assert.deepEqual([failed.reason, failed.gross, failed.figures['candidateValue']], ['over-tolerance', false, 0.95]);
  assert.match(failed.sentence, /^load: candidate 0\.95 \(at most 0\.8\)\. Failed after 15 s\./);
  assert.equal(last(step, ...ticks(0.9, 0.9, 0.9, 0.1)).reason, 'latched');
  assert.equal(last(step, at(5_000, 0.1), at(600_000, 0.8)).verdict, 'pass');
  const low = only('custom:load', { mode: 'threshold', tolerance: 0.8, consecutive: 1, measure: value('below') });
  assert.deepEqual(
    [0.79, 0.8].map((load) => last(low, at(5_000, load)).verdict),
    ['fail', 'inconclusive'],
  );
});

test('A value that is none is blind, never a pass, and what was seen before it stands.', () => {
  const step = only('custom:load', { mode: 'threshold', tolerance: 0.8, consecutive: 2, measure: value('above') });
  const load = (elapsedMs: number, given: unknown, ageMs?: number): Reading =>
    ({ custom: { load: sample(elapsedMs, given, ageMs) } }) as Reading;
  for (const given of [NaN, Infinity, '0.1', null, { candidate: { requests: 1, bad: 0 } }])
    assert.equal(last(step, load(600_000, given)).verdict, 'blind');
  assert.equal(last(step, load(600_000, 0.1, 60_000)).reason, 'stale');
  assert.equal(last(step, {}).reason, 'missing');
  assert.equal(last(step, load(5_000, 0.9), load(10_000, NaN), load(15_000, 0.9)).verdict, 'fail');
});

test('A gate may be given another part of alpha; a value spends none.', () => {
  const gates = [gate('errors'), gate('custom:refusals', { share: 0.4 }), gate('custom:load', { measure: value('above') })];
  const step = policy({ gates });
  assert.equal(alphaOf('custom:refusals', step), alphaOf('errors', step));
  assert.ok(Math.abs(alphaOf('errors', step) - 0.009 / 2 / 5 / 2) < 1e-12);
  assert.equal(alphaOf('custom:load', step), 0);
});

test('An unknown gate is refused with the names of those that are known.', () => {
  const step = only('errors');
  const unknown = { ...step, gates: [{ ...gate('errors'), gate: 'erorrs' as GateName }] };
  assert.throws(
    () => openEvidence(unknown),
    /Unknown gate "erorrs"\. Known: errors, latency, cold-starts, queue-age, drift, dedupe, custom:<name>\./,
  );
});

test('Evidence that cannot be read starts the gate afresh from the counts, and the sentence says so.', () => {
  const step = only('errors', {}, { weightBp: 100 });
  for (const broken of [
    null,
    'x',
    7,
    [],
    {},
    { version: 2, gates: {} },
    { version: 1, gates: { errors: [1, 2, 3] } },
    { version: 1, gates: { errors: null } },
  ] as const) {
    const [found] = judge(step, broken, errors(5_000, [9, 9], [900, 0])).verdicts;
    assert.equal(found?.verdict, 'fail');
    assert.match(found.sentence, /could not be read: started afresh/);
    assert.deepEqual(openEvidence(step, broken as Evidence), openEvidence(step));
  }
});
