import type { LatencyHistogram, Sample } from '../domain/reading.js';
import { EVERYBODY } from '../domain/words.js';
import { ENOUGH_TO_CHOOSE, QUANTILE, requestsIn } from './buckets.js';
import {
  commonFigures,
  GROSS_FACTOR,
  justBefore,
  knownLimit,
  repeated,
  rulesOf,
  type Context,
  type Gate,
  type Judged,
} from './gate.js';
import { hashOf } from './hash.js';
import { moreRequests } from './outlook.js';
import { conclusion, decimal, percent, points, share, trimmed, whole } from './sentence.js';
import { OPEN_SLOW, SLOW_LAYOUT, stepSlow, type SlowFinding, type SlowRules, type SlowState } from './slow-requests.js';

/** Slow requests are no lost ones, so the budget is ten times that of the errors (judge.md §0). */
const BUDGET_FACTOR = 10;

/**
 * The latency gate (G2 of judge.md §2, R4). Gross: the candidate's share of slow requests is for certain larger by ten
 * times the 5 % that stable has of them, so at least half of its requests are slower than the old p95; under `threshold`,
 * a p95 that rises by ten times the tolerated rise, so 2.0 for 1.10.
 */
export const latency: Gate<SlowState, LatencyHistogram> = {
  layout: SLOW_LAYOUT,
  sample: (reading) => reading.latency,
  open: openAt,
  judge: judgeLatency,
  again: (state, { gate }, recorded) => {
    // Which requests are slow was counted for the recorded ratio alone, and the literal rule needs milliseconds.
    const cannot = gate.tolerance !== recorded.tolerance || (gate.mode === 'threshold' && state.limit < 0);
    if (cannot || state.lastCandidate.length === 0) return undefined;
    // The bounds are not remembered, only the sums over them: any others of that number serve, wide enough for the ratio.
    const boundsMs = state.lastCandidate.slice(1).map((_, k) => 10 ** k);
    const sample = repeated(state, { boundsMs, counts: { candidate: state.lastCandidate, stable: state.lastStable } });
    return { before: { ...justBefore(state), shape: hashOf(boundsMs.join()) }, sample };
  },
};

/**
 * Stable's histogram of the step before chooses x; one of too few requests to choose leaves the x that it was judged with. At
 * 100 % the step before's x stays, with stable's bound for it.
 */
function openAt({ policy }: Context, before: SlowState | undefined): SlowState {
  if (before === undefined) return OPEN_SLOW;
  const { shape, boundary, dispersion } = before;
  if (policy.weightBp < EVERYBODY) {
    const choosing = before.lastStable.length > 0 ? before.lastStable : before.choosing;
    return requestsIn(choosing) < ENOUGH_TO_CHOOSE && boundary >= 0
      ? { ...OPEN_SLOW, shape, dispersion, boundary }
      : { ...OPEN_SLOW, shape, dispersion, choosing };
  }
  const limit = before.limit >= 0 ? before.limit : knownLimit({ requests: before.tested[2], bad: before.tested[3] }, dispersion);
  return limit === undefined || boundary < 0
    ? { ...OPEN_SLOW, dispersion }
    : { ...OPEN_SLOW, shape, boundary, dispersion, limit };
}

function judgeLatency(context: Context, before: SlowState, sample: Sample<LatencyHistogram> | undefined): Judged<SlowState> {
  const rules: SlowRules = { ...rulesOf(context, BUDGET_FACTOR), tolerance: 0, ratio: context.gate.tolerance };
  const { state, finding: plain } = stepSlow(rules, before, sample);
  const alone = state.limit >= 0;
  const [tested, slow, stableTested, stableSlow] = state.tested;
  const isLiteral = rules.consecutive !== undefined;
  const fewest = Math.min(tested, alone ? Infinity : stableTested);
  // Requests that chose x were not tested: a pass on them alone would be one on nothing, and leave no limit for the bake.
  const finding: SlowFinding =
    plain.verdict === 'pass' && !isLiteral && fewest < rules.minimumRequests
      ? { ...plain, verdict: 'inconclusive', reason: 'too-few-requests' }
      : plain;
  const isUntested = finding.reason === 'too-few-requests' && !isLiteral;
  const more =
    finding.reason === 'uncertain' && !isLiteral
      ? moreRequests(
          { ...rules, tolerance: Math.max(0, state.limit) },
          { requests: state.total[0], stableRate: 1 - QUANTILE },
          state,
          finding,
        )
      : undefined;
  return {
    state,
    finding,
    gross: isGrosslySlow(rules, state, finding),
    figures: {
      candidateRequests: state.total[0],
      ...(!alone && { stableRequests: state.total[1] }),
      candidateTested: tested,
      candidateSlow: slow,
      ...(alone ? { stableSlowShareLimit: state.limit } : { stableTested, stableSlow }),
      ...commonFigures(context, finding.bounds, finding),
      candidateP95Ms: finding.candidateP95,
      stableP95Ms: finding.stableP95,
      boundaryMs: finding.x,
      realRatio: finding.realRatio,
      counterResets: state.resets,
      moreRequests: more,
    },
    get sentence() {
      return `latency: ${measured(state, finding, rules.ratio)}: ${conclusion({
        context,
        finding,
        elapsedMs: state.elapsedMs,
        requests: isUntested ? tested : state.total[0],
        stableRequests: alone ? Infinity : isUntested ? stableTested : state.total[1],
        atLeast: alone
          ? `at least ${percent(finding.bounds.lower)} (at most ${percent(state.limit)} allowed)`
          : `at least ${points(finding.bounds.lower)} points more slow ones (tolerance ${trimmed((rules.ratio - 1) * 100)} % of p95)`,
        atMost: alone
          ? `at most ${percent(finding.bounds.upper)} slow (at most ${percent(state.limit)} allowed)`
          : finding.bounds.upper < 0
            ? `at least ${points(-finding.bounds.upper)} points fewer slow ones`
            : `at most ${points(finding.bounds.upper)} points more slow ones`,
        ...(isLiteral && { literally: literally(finding, rules.ratio), streak: state.streak }),
        moreRequests: more,
        ageMs: sample?.ageMs,
      })}`;
    },
  };
}

function isGrosslySlow(rules: SlowRules, state: SlowState, { bounds, candidateP95, stableP95 }: SlowFinding): boolean {
  if (rules.consecutive === undefined || state.limit >= 0)
    return bounds.lower - Math.max(0, state.limit) >= GROSS_FACTOR * (1 - QUANTILE);
  return (
    candidateP95 !== undefined && stableP95 !== undefined && candidateP95 >= (1 + GROSS_FACTOR * (rules.ratio - 1)) * stableP95
  );
}

function literally({ candidateP95, stableP95 }: SlowFinding, ratio: number): string {
  if (candidateP95 === undefined || stableP95 === undefined || stableP95 <= 0) return `tolerated ratio ${ratio.toFixed(2)}`;
  return `p95 ratio ${(candidateP95 / stableP95).toFixed(2)} (tolerance ${ratio.toFixed(2)})`;
}

function measured(state: SlowState, { candidateP95, stableP95, x, realRatio }: SlowFinding, ratio: number): string {
  const [tested, slow, stableTested, stableSlow] = state.tested;
  const alone = state.limit >= 0;
  if (x !== undefined && realRatio !== undefined && tested > 0 && (alone || stableTested > 0)) {
    const old = `${decimal(x)} ms`;
    const stable = alone
      ? `stable at most ${percent(state.limit)} above ${old}`
      : `stable ${share(stableSlow, stableTested)} above ${old}`;
    return `candidate ${share(slow, tested)} slower than ${realRatio.toFixed(2)} × the old p95 (${decimal(x * realRatio)} ms), ${stable}`;
  }
  if (candidateP95 === undefined || stableP95 === undefined)
    return `${whole(state.total[0])} requests on the candidate, tolerated ratio ${ratio.toFixed(2)}`;
  return `p95 of the candidate ${decimal(candidateP95)} ms, of stable ${decimal(stableP95)} ms`;
}
