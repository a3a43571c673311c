/**
 * The rule of the errors and custom gates (G1 of judge.md §2): candidate against stable beside it, or, at 100 %, against
 * the rate that stable is known not to exceed.
 */
import type { ErrorCounts, PerRevision, RateCounts, Sample } from '../domain/reading.js';
import { blind, decide, latch, type Finding, type Memory, type Rules, type Seen } from './decide.js';
import { dispersionFor, learnByReplica, learnOverTime, NOTHING_LEARNT, type Dispersion } from './dispersion.js';
import { increment } from './increments.js';
import { MANY, SCALAR, type Layout } from './packing.js';
import { addBlock, KNOWN_LIMIT, logWorse, lowerBound, NO_SUMS, sumsOf, upperBound, type Bounds, type Sums } from './primitive.js';
import { believe, isRateCounts, isRecord } from './samples.js';
import { literal } from './threshold.js';
import { hashOf } from './hash.js';

/** n1, e1, n0, e0. */
type Counts = readonly [number, number, number, number];
const NONE: Counts = [0, 0, 0, 0];

export interface DifferenceState extends Memory, Sums {
  /** −1: judged against stable beside it; else the rate that stable is known not to exceed (judge.md §0 "At 100 %"). */
  readonly limit: number;
  readonly streak: number;
  readonly resets: number;
  /** The last cumulative counts. */
  readonly last: Counts;
  readonly total: Counts;
  /** The block that waits for both sides (judge.md §1). */
  readonly open: Counts;
  readonly dispersion: Dispersion;
  /** Stable's replicas: hash of the name, requests, bad, repeated. */
  readonly replicas: readonly number[];
}

export const DIFFERENCE_LAYOUT: Layout<DifferenceState> = {
  failed: SCALAR,
  elapsedMs: SCALAR,
  limit: SCALAR,
  streak: SCALAR,
  resets: SCALAR,
  last: 4,
  total: 4,
  open: 4,
  A: 16,
  B: 16,
  C: 8,
  D: 8,
  dispersion: 8,
  replicas: MANY,
};

export interface DifferenceRules extends Rules {
  /** A fixed phi instead of the learnt one. */
  readonly dispersion?: number;
  /** Requests a side below which a block stays open. */
  readonly minimumBlock: number;
  /** Without any stable request the candidate must stay under this rate (judge.md §6.7); it can fail there, never pass. */
  readonly ceiling?: number;
}

export function openDifference(dispersion: Dispersion = NOTHING_LEARNT, limit = -1): DifferenceState {
  return {
    failed: 0,
    elapsedMs: -1,
    limit,
    streak: 0,
    resets: 0,
    last: NONE,
    total: NONE,
    open: NONE,
    ...NO_SUMS,
    dispersion,
    replicas: [],
  };
}

export interface DifferenceFinding extends Finding {
  readonly bounds: Bounds;
  /** What the bounds are relative to: stable (a difference), or nothing (the candidate's own rate, against a limit). */
  readonly against: 'stable' | 'limit';
  /** The candidate's own rate that is too much, where it is judged against a limit. */
  readonly ceiling?: number;
}

export function stepDifference(
  rules: DifferenceRules,
  before: DifferenceState,
  sample: Sample<PerRevision<ErrorCounts>> | undefined,
): { readonly state: DifferenceState; readonly finding: DifferenceFinding } {
  const alone = before.limit >= 0;
  const believed = believe(
    sample,
    rules.staleMs,
    (value) => isRecord(value) && isRateCounts(value['candidate']) && (alone || isRateCounts(value['stable'])),
  );
  const absorbed = believed.kind === 'good' ? absorb(rules, before, believed.sample) : before;
  const [requests, bad, stableRequests, stableBad] = absorbed.total;
  const ceiling = alone ? before.limit + rules.tolerance : undefined;
  const least = alone ? 0 : -1;
  const bounds: Bounds = {
    lower: lowerBound(absorbed, rules.alpha, least),
    upper: upperBound(absorbed, rules.beta, least),
    logEvidence: logWorse(absorbed, ceiling ?? rules.tolerance),
  };
  const shown = { bounds, against: alone ? 'limit' : 'stable', ...(ceiling !== undefined && { ceiling }) } as const;
  if (believed.kind === 'blind') {
    const { state, finding } = latch(before, blind(believed.reason));
    return { state, finding: { ...finding, ...shown } };
  }

  const seen: Seen = {
    elapsedMs: absorbed.elapsedMs,
    requests,
    bad,
    stableRequests: alone ? Infinity : stableRequests,
    stableRate: alone ? 0 : (stableBad + 0.5) / (stableRequests + 1),
  };
  if (!alone && stableRequests === 0 && rules.ceiling !== undefined) {
    const own = overCeiling(rules, { requests, bad }, rules.ceiling);
    if (own)
      return {
        state: { ...absorbed, failed: 1 },
        finding: { verdict: 'fail', reason: 'worse', against: 'limit', ceiling: rules.ceiling, bounds: own },
      };
  }
  if (rules.consecutive === undefined) {
    const { state, finding } = latch(absorbed, decide({ ...rules, tolerance: ceiling ?? rules.tolerance }, seen, bounds));
    return { state, finding: { ...finding, ...shown } };
  }
  const reference = alone ? before.limit : stableBad / stableRequests;
  const over = requests > 0 && (alone || stableRequests > 0) ? bad / requests - reference > rules.tolerance : undefined;
  const { streak, finding: plain } = literal(rules, seen, over, absorbed.elapsedMs > before.elapsedMs, before.streak);
  const { state, finding } = latch({ ...absorbed, streak }, plain);
  return { state, finding: { ...finding, ...shown } };
}

function absorb(
  rules: DifferenceRules,
  before: DifferenceState,
  { elapsedMs, value }: Sample<PerRevision<ErrorCounts>>,
): DifferenceState {
  const alone = before.limit >= 0;
  const [n1, e1, n0, e0] = before.last;
  const stableNow: RateCounts = alone ? { requests: 0, bad: 0 } : value.stable;
  const candidate = increment(value.candidate, { requests: n1, bad: e1 });
  const stable = increment(stableNow, { requests: n0, bad: e0 });
  const plus = ([a, b, c, d]: Counts): Counts => [a + candidate.requests, b + candidate.bad, c + stable.requests, d + stable.bad];
  const state: DifferenceState = {
    ...before,
    elapsedMs,
    resets: before.resets + (candidate.reset ? 1 : 0) + (stable.reset ? 1 : 0),
    last: [value.candidate.requests, value.candidate.bad, stableNow.requests, stableNow.bad],
    total: plus(before.total),
    open: plus(before.open),
  };
  return learnReplicas(closeBlock(rules, state), alone ? undefined : value.stable.byReplica);
}

/** A block closes at the first tick where both sides have requests (judge.md §1); at weight 0 stable alone closes it, to learn. */
function closeBlock(rules: DifferenceRules, state: DifferenceState): DifferenceState {
  const alone = state.limit >= 0;
  const [n1, e1, n0, e0] = state.open;
  if (n1 < rules.minimumBlock && rules.weight > 0) return state;
  if (!alone && n0 < rules.minimumBlock) return state;
  if (e1 > n1 || e0 > n0) return state;
  const candidate = { requests: n1, bad: e1 };
  const stable = alone ? KNOWN_LIMIT : { requests: n0, bad: e0 };
  const phi = rules.dispersion ?? dispersionFor(state.dispersion, n1, stable.requests);
  return {
    ...state,
    ...addBlock(state, candidate, stable, phi),
    dispersion: alone ? state.dispersion : learnOverTime(state.dispersion, stable),
    open: NONE,
  };
}

const MOST_REPLICAS = 32;

function learnReplicas(state: DifferenceState, byReplica: unknown): DifferenceState {
  if (!isRecord(byReplica)) return state;
  const known = new Map<number, RateCounts>();
  for (let k = 0; k + 2 < state.replicas.length; k += 3)
    known.set(state.replicas[k] ?? 0, { requests: state.replicas[k + 1] ?? 0, bad: state.replicas[k + 2] ?? 0 });
  const now = Object.entries(byReplica)
    .flatMap(([name, counts]) => (isRateCounts(counts) ? [{ key: hashOf(name), counts }] : []))
    .slice(0, MOST_REPLICAS);
  if (now.length === 0) return state;
  const increments = now.map(({ key, counts }) => increment(counts, known.get(key) ?? { requests: 0, bad: 0 }));
  // Those of this tick first: where memory is short, the replicas that have gone are forgotten.
  const remembered = new Map(
    [
      ...now.map(({ key, counts }) => [key, counts] as const),
      ...[...known].filter(([key]) => !now.some((other) => other.key === key)),
    ].slice(0, MOST_REPLICAS),
  );
  return {
    ...state,
    dispersion: learnByReplica(state.dispersion, increments),
    replicas: [...remembered].flatMap(([key, { requests, bad }]) => [key, requests, bad]),
  };
}

/** Bounds of the candidate's own rate when it is certainly over the ceiling. */
function overCeiling(rules: DifferenceRules, candidate: RateCounts, ceiling: number): Bounds | undefined {
  const sums = sumsOf(candidate, rules.dispersion ?? 1);
  const logEvidence = logWorse(sums, ceiling);
  if (logEvidence < Math.log(1 / rules.alpha) || candidate.bad < rules.minimumBad) return undefined;
  return { lower: lowerBound(sums, rules.alpha, 0), upper: upperBound(sums, rules.beta, 0), logEvidence };
}
