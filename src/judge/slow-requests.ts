/**
 * The rule of the latency gate (G2 of judge.md §2): q95(candidate) ≤ R · q95(stable) implies that the share of the
 * candidate's requests above R·x is no larger than the share of stable's above x, where x is stable's p95 bucket bound.
 * That is a difference of two rates with tolerance 0. At 100 % the candidate's share is held against stable's known one.
 */
import type { LatencyHistogram, Sample } from '../domain/reading.js';
import {
  boundaryAt,
  chooseBoundary,
  isBounds,
  isHistogram,
  quantile,
  QUANTILE,
  requestsIn,
  slowerThan,
  type Boundary,
} from './buckets.js';
import { blind, decide, latch, type Finding, type Memory, type Rules, type Seen } from './decide.js';
import { dispersionFor, learnOverTime, NOTHING_LEARNT, type Dispersion } from './dispersion.js';
import { hashOf } from './hash.js';
import { bucketIncrements } from './increments.js';
import { MANY, SCALAR, type Layout } from './packing.js';
import { addBlock, KNOWN_LIMIT, logWorse, lowerBound, NO_SUMS, upperBound, type Bounds, type Sums } from './primitive.js';
import { believe, isRecord } from './samples.js';
import { literal } from './threshold.js';

/** A and B count the candidate above the fail boundary, C and D above the certify one. */
export interface SlowState extends Memory, Sums {
  /** −1: judged against stable beside it; else the share of slow requests that stable is known not to exceed. */
  readonly limit: number;
  readonly streak: number;
  readonly resets: number;
  /** Hash of the bounds that this step is measured with; −1 before the first good sample. */
  readonly shape: number;
  /** Index of x among the bounds; −1 while it is being chosen. */
  readonly boundary: number;
  /** 1: stable's p95 lies above the last bound. */
  readonly outOfRange: number;
  /** Requests: candidate, stable; those that chose x included. */
  readonly total: readonly [number, number];
  /** Tested ones: candidate, its slow ones, stable, its slow ones. */
  readonly tested: readonly [number, number, number, number];
  /** The open block: candidate, above fail, above certify, stable, above x. */
  readonly open: readonly [number, number, number, number, number];
  readonly dispersion: Dispersion;
  readonly lastCandidate: readonly number[];
  readonly lastStable: readonly number[];
  /** Stable's histogram that is to choose x: an earlier step's (then `shape` is its), or this step's so far. */
  readonly choosing: readonly number[];
}

export const SLOW_LAYOUT: Layout<SlowState> = {
  failed: SCALAR,
  elapsedMs: SCALAR,
  limit: SCALAR,
  streak: SCALAR,
  resets: SCALAR,
  shape: SCALAR,
  boundary: SCALAR,
  outOfRange: SCALAR,
  total: 2,
  tested: 4,
  open: 5,
  A: 16,
  B: 16,
  C: 8,
  D: 8,
  dispersion: 8,
  lastCandidate: MANY,
  lastStable: MANY,
  choosing: MANY,
};

export interface SlowRules extends Rules {
  /** R: 1.10. `tolerance` is the difference of shares, 0. */
  readonly ratio: number;
  readonly dispersion?: number;
}

export interface SlowFinding extends Finding {
  readonly bounds: Bounds;
  /** In the unit of the bounds; undefined where nothing was measured or chosen. */
  readonly candidateP95: number | undefined;
  readonly stableP95: number | undefined;
  readonly x: number | undefined;
  /** The ratio that the buckets let the gate see: bound(≥ R·x) ÷ x. */
  readonly realRatio: number | undefined;
}

const NOTHING_OPEN = [0, 0, 0, 0, 0] as const;
export const OPEN_SLOW: SlowState = {
  failed: 0,
  elapsedMs: -1,
  limit: -1,
  streak: 0,
  resets: 0,
  shape: -1,
  boundary: -1,
  outOfRange: 0,
  total: [0, 0],
  tested: [0, 0, 0, 0],
  open: NOTHING_OPEN,
  ...NO_SUMS,
  dispersion: NOTHING_LEARNT,
  lastCandidate: [],
  lastStable: [],
  choosing: [],
};

/** Chooses x from a histogram of stable's, if it can. */
export function choose(state: SlowState, bounds: readonly number[], ratio: number, stable: readonly number[]): SlowState {
  const chosen = chooseBoundary(bounds, ratio, stable);
  if (chosen === 'undecided') return state;
  return chosen === 'out-of-range' ? { ...state, outOfRange: 1 } : { ...state, boundary: chosen.stable, outOfRange: 0 };
}

/** `knownBounds` only serves a finding where the sample cannot be read. */
export function stepSlow(
  rules: SlowRules,
  before: SlowState,
  sample: Sample<LatencyHistogram> | undefined,
  knownBounds: readonly number[] = [],
): { readonly state: SlowState; readonly finding: SlowFinding } {
  const believed = believe(sample, rules.staleMs, (value) => isLatency(rules, value, before));
  const bounds = believed.kind === 'good' ? believed.sample.value.boundsMs : knownBounds;
  const state = believed.kind === 'good' ? absorb(rules, before, believed.sample) : before;
  const alone = state.limit >= 0;
  const tolerance = alone ? state.limit : 0;
  const least = alone ? 0 : -1;
  const boundary = boundaryAt(bounds, rules.ratio, state.boundary);
  const x = boundary && bounds[boundary.stable];
  const shown = {
    bounds: {
      lower: lowerBound(state, rules.alpha, least),
      upper: upperBound(state, rules.beta, least),
      logEvidence: logWorse(state, tolerance),
    },
    candidateP95: quantile(bounds, state.lastCandidate),
    stableP95: quantile(bounds, state.lastStable),
    x,
    realRatio: boundary && x !== undefined ? (bounds[boundary.fail] ?? x) / x : undefined,
  };
  const conclude = (after: SlowState, plain: Finding): { readonly state: SlowState; readonly finding: SlowFinding } => {
    const latched = latch(after, plain);
    return { state: latched.state, finding: { ...latched.finding, ...shown } };
  };
  if (believed.kind === 'blind') return conclude(before, blind(believed.reason));
  const seen: Seen = {
    elapsedMs: state.elapsedMs,
    requests: state.total[0],
    bad: state.tested[1],
    stableRequests: alone ? Infinity : state.total[1],
    stableRate: 1 - QUANTILE,
    outOfRange: state.outOfRange === 1,
    ready: state.boundary >= 0,
  };
  if (rules.weight >= 1 && !alone) return conclude(state, blind('no-baseline'));
  if (rules.consecutive === undefined) return conclude(state, decide({ ...rules, tolerance, minimumBad: 0 }, seen, shown.bounds));
  const { streak, finding } = literal(
    rules,
    seen,
    isOver(rules, state, shown),
    state.elapsedMs > before.elapsedMs,
    before.streak,
  );
  return conclude({ ...state, streak }, finding);
}

/** The literal comparison: of the two p95; at 100 % of the candidate's slow share with stable's known one. */
function isOver(
  rules: SlowRules,
  state: SlowState,
  { candidateP95, stableP95 }: Pick<SlowFinding, 'candidateP95' | 'stableP95'>,
): boolean | undefined {
  if (state.limit >= 0) return state.tested[0] > 0 ? state.tested[1] / state.tested[0] > state.limit : undefined;
  return candidateP95 !== undefined && stableP95 !== undefined ? candidateP95 > rules.ratio * stableP95 : undefined;
}

/** No stable runs beside the candidate: its counts are not looked at. */
const isAlone = (rules: SlowRules, state: SlowState): boolean => state.limit >= 0 || rules.weight >= 1;

/** Right shape, and the same buckets as before: counts over other bounds cannot be compared. */
function isLatency(rules: SlowRules, value: unknown, before: SlowState): value is LatencyHistogram {
  if (!isRecord(value) || !isBounds(value['boundsMs']) || !isRecord(value['counts'])) return false;
  const { boundsMs: bounds, counts } = value;
  if (!isHistogram(counts['candidate'], bounds)) return false;
  if (!isAlone(rules, before) && !isHistogram(counts['stable'], bounds)) return false;
  return before.elapsedMs < 0 || before.shape === hashOf(bounds.join());
}

function absorb(
  rules: SlowRules,
  before: SlowState,
  { elapsedMs, value: { boundsMs: bounds, counts } }: Sample<LatencyHistogram>,
): SlowState {
  const opened = before.elapsedMs < 0 ? takeOver(rules, before, bounds) : before;
  const alone = isAlone(rules, opened);
  const stableNow = alone ? [] : counts.stable;
  const candidate = bucketIncrements(counts.candidate, opened.lastCandidate);
  const stable = bucketIncrements(stableNow, opened.lastStable);
  const state: SlowState = {
    ...opened,
    elapsedMs,
    resets: opened.resets + (candidate.reset ? 1 : 0) + (stable.reset ? 1 : 0),
    total: [opened.total[0] + requestsIn(candidate.counts), opened.total[1] + requestsIn(stable.counts)],
    lastCandidate: counts.candidate,
    lastStable: stableNow,
  };
  const boundary = boundaryAt(bounds, rules.ratio, state.boundary);
  if (boundary) return closeBlock(rules, addOpen(state, boundary, candidate.counts, stable.counts));
  if (alone) return state;
  // These requests choose x, so they are not tested with it.
  const choosing = stable.counts.map((count, k) => count + (state.choosing[k] ?? 0));
  const chosen = choose({ ...state, choosing }, bounds, rules.ratio, choosing);
  return chosen.boundary >= 0 ? { ...chosen, choosing: [] } : chosen;
}

/** At the first good sample: what an earlier step left is used if the buckets are the same, else dropped. */
function takeOver(rules: SlowRules, opened: SlowState, bounds: readonly number[]): SlowState {
  const shape = hashOf(bounds.join());
  if (opened.shape !== shape && opened.shape >= 0) return { ...OPEN_SLOW, shape, elapsedMs: opened.elapsedMs };
  const chosen =
    opened.choosing.length > 0 && opened.boundary < 0 ? choose(opened, bounds, rules.ratio, opened.choosing) : opened;
  return { ...chosen, shape, choosing: [] };
}

function addOpen(state: SlowState, boundary: Boundary, candidate: readonly number[], stable: readonly number[]): SlowState {
  const [n1, fail, certify, n0, slow] = state.open;
  return {
    ...state,
    open: [
      n1 + requestsIn(candidate),
      fail + slowerThan(candidate, boundary.fail),
      certify + slowerThan(candidate, boundary.certify),
      n0 + requestsIn(stable),
      slow + slowerThan(stable, boundary.stable),
    ],
  };
}

function closeBlock(rules: SlowRules, state: SlowState): SlowState {
  const alone = state.limit >= 0;
  const [n1, fail, certify, n0, slow] = state.open;
  if ((n1 < 1 && rules.weight > 0) || (!alone && n0 < 1)) return state;
  const stable = alone ? KNOWN_LIMIT : { requests: n0, bad: slow };
  const phi = rules.dispersion ?? dispersionFor(state.dispersion, n1, stable.requests);
  const { A, B } = addBlock(state, { requests: n1, bad: fail }, stable, phi);
  const { C, D } = addBlock(state, { requests: n1, bad: certify }, stable, phi);
  const [testedN1, testedE1, testedN0, testedE0] = state.tested;
  return {
    ...state,
    A,
    B,
    C,
    D,
    open: NOTHING_OPEN,
    tested: [testedN1 + n1, testedE1 + fail, testedN0 + n0, testedE0 + slow],
    dispersion: alone ? state.dispersion : learnOverTime(state.dispersion, stable),
  };
}
