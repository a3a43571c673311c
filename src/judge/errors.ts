import type { ErrorCounts, PerRevision, Reading, Sample } from '../domain/reading.js';
import { EVERYBODY } from '../domain/words.js';
import {
  DIFFERENCE_LAYOUT,
  openDifference,
  stepDifference,
  type DifferenceFinding,
  type DifferenceRules,
  type DifferenceState,
} from './difference.js';
import { pearson } from './dispersion.js';
import {
  CEILING,
  commonFigures,
  isGross,
  justBefore,
  knownLimit,
  repeated,
  rulesOf,
  type Context,
  type Gate,
  type Judged,
} from './gate.js';
import { moreRequests } from './outlook.js';
import { conclusion, percent, points, share } from './sentence.js';

type Counts = PerRevision<ErrorCounts>;

/**
 * A gate on the difference of two rates (G1 of judge.md §2): the errors, or anything else that counts requests and bad
 * ones. Gross: the difference is at least ten times the tolerance for certain (A11).
 */
export function differenceGate(
  label: string,
  sampleOf: (reading: Reading) => Sample<Counts> | undefined,
): Gate<DifferenceState, Counts> {
  return {
    layout: DIFFERENCE_LAYOUT,
    sample: sampleOf,
    open: openAt,
    judge: (context, state, sample) => judgeDifference(label, context, state, sample),
    again: (state) => {
      const [n1, e1, n0, e0] = state.last;
      const value = { candidate: { requests: n1, bad: e1 }, stable: { requests: n0, bad: e0 } };
      return { before: justBefore(state), sample: repeated(state, value) };
    },
  };
}

export const errors = differenceGate('5xx', (reading) => reading.errors);

/** What was learnt of stable's bursts goes on. At 100 % stable's bound from the step before is the limit (judge.md §0). */
function openAt({ policy, gate }: Context, before: DifferenceState | undefined): DifferenceState {
  if (policy.weightBp < EVERYBODY) return openDifference(before?.dispersion);
  const carried =
    before &&
    (before.limit >= 0 ? before.limit : knownLimit({ requests: before.total[2], bad: before.total[3] }, before.dispersion));
  return openDifference(before?.dispersion, carried ?? Math.max(0, CEILING - gate.tolerance));
}

function judgeDifference(
  label: string,
  context: Context,
  before: DifferenceState,
  sample: Sample<Counts> | undefined,
): Judged<DifferenceState> {
  const rules: DifferenceRules = { ...rulesOf(context), minimumBlock: 1, ceiling: CEILING };
  const { state, finding } = stepDifference(rules, before, sample);
  const [requests, bad, stableRequests, stableBad] = state.total;
  const alone = state.limit >= 0;
  const stableRate = alone ? state.limit : stableBad / Math.max(1, stableRequests);
  const plain = bad / Math.max(1, requests) - stableRate;
  const isLiteral = rules.consecutive !== undefined;
  const more = finding.reason === 'uncertain' && !isLiteral ? outlook(rules, state, finding) : undefined;
  const stable = alone ? `at most ${percent(state.limit)} before` : share(stableBad, stableRequests);
  const told = {
    context,
    finding,
    elapsedMs: state.elapsedMs,
    requests,
    stableRequests: alone ? Infinity : stableRequests,
    ...boundsInWords(finding, context.gate.tolerance),
    ...(isLiteral && {
      literally: `${points(plain)} points worse (tolerance ${points(context.gate.tolerance)})`,
      streak: state.streak,
    }),
    moreRequests: more,
    ageMs: sample?.ageMs,
  };
  return {
    state,
    finding,
    gross: isGross(context, isLiteral ? plain : finding.bounds.lower - Math.max(0, state.limit)),
    figures: {
      candidateRequests: requests,
      candidateBad: bad,
      ...(alone ? { stableRateLimit: state.limit } : { stableRequests, stableBad }),
      ...commonFigures(context, finding.bounds, finding),
      dispersion: pearson(state.dispersion),
      counterResets: state.resets,
      moreRequests: more,
    },
    get sentence() {
      return `${label}: candidate ${share(bad, requests)}, stable ${stable}: ${conclusion(told)}`;
    },
  };
}

function outlook(rules: DifferenceRules, state: DifferenceState, finding: DifferenceFinding): number | undefined {
  const [requests, , stableRequests, stableBad] = state.total;
  const seen = { requests, stableRate: (stableBad + 0.5) / (stableRequests + 1) };
  return moreRequests({ ...rules, tolerance: finding.ceiling ?? rules.tolerance }, seen, state, finding);
}

function boundsInWords(
  { bounds, against, ceiling }: DifferenceFinding,
  tolerance: number,
): { readonly atLeast: string; readonly atMost: string } {
  if (against === 'limit') {
    const allowed = `(at most ${percent(ceiling ?? 0)} allowed)`;
    return { atLeast: `at least ${percent(bounds.lower)} ${allowed}`, atMost: `at most ${percent(bounds.upper)} ${allowed}` };
  }
  const allowed = `(tolerance ${points(tolerance)})`;
  const atMost =
    bounds.upper < 0
      ? `at least ${points(-bounds.upper)} points better`
      : `at most ${points(bounds.upper)} points worse ${allowed}`;
  return { atLeast: `at least ${points(bounds.lower)} points worse ${allowed}`, atMost };
}
