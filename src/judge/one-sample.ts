/**
 * The rule of the cold-start and dedupe gates (G3, G6 of judge.md §2): the candidate's own share against a known limit.
 * With a fixed dispersion the two totals are all that the test needs to remember.
 */
import type { RateCounts, Sample } from '../domain/reading.js';
import { blind, decide, latch, type Finding, type Memory, type Rules, type Seen } from './decide.js';
import { increment } from './increments.js';
import { SCALAR, type Layout } from './packing.js';
import { logWorse, lowerBound, sumsOf, upperBound, type Bounds } from './primitive.js';
import { believe, isRateCounts } from './samples.js';
import { literal } from './threshold.js';

export interface OneSampleState extends Memory {
  readonly streak: number;
  readonly resets: number;
  /** The last cumulative counts: requests, bad. */
  readonly last: readonly [number, number];
  readonly total: readonly [number, number];
}

export const ONE_SAMPLE_LAYOUT: Layout<OneSampleState> = {
  failed: SCALAR,
  elapsedMs: SCALAR,
  streak: SCALAR,
  resets: SCALAR,
  last: 2,
  total: 2,
};

export interface OneSampleRules extends Rules {
  readonly dispersion: number;
  /** Samples up to here are not counted: a new pod's first request is a cold start (judge.md §2 G3). */
  readonly warmUpMs: number;
}

export const NOTHING_SEEN: OneSampleState = { failed: 0, elapsedMs: -1, streak: 0, resets: 0, last: [0, 0], total: [0, 0] };

export interface OneSampleFinding extends Finding {
  readonly bounds: Bounds;
}

/** `duplicateEffects` above 0 fails at once (A14). */
export function stepOneSample(
  rules: OneSampleRules,
  before: OneSampleState,
  sample: Sample<RateCounts> | undefined,
  duplicateEffects = 0,
): { readonly state: OneSampleState; readonly finding: OneSampleFinding } {
  const believed = believe(sample, rules.staleMs, isRateCounts);
  const counted = believed.kind === 'good' && duplicateEffects <= 0 ? absorb(rules, before, believed.sample) : before;
  const [requests, bad] = counted.total;
  const sums = sumsOf({ requests, bad }, rules.dispersion);
  const bounds: Bounds = {
    lower: lowerBound(sums, rules.alpha, 0),
    upper: upperBound(sums, rules.beta, 0),
    logEvidence: logWorse(sums, rules.tolerance),
  };
  const conclude = (
    state: OneSampleState,
    finding: Finding,
  ): { readonly state: OneSampleState; readonly finding: OneSampleFinding } => {
    const latched = latch(state, finding);
    return { state: latched.state, finding: { ...latched.finding, bounds } };
  };
  if (believed.kind === 'blind') return conclude(before, blind(believed.reason));
  if (duplicateEffects > 0) return conclude(before, { verdict: 'fail', reason: 'duplicate-effect' });
  const seen: Seen = { elapsedMs: counted.elapsedMs, requests, bad, stableRequests: Infinity, stableRate: 0 };
  if (rules.consecutive === undefined) return conclude(counted, decide(rules, seen, bounds));
  const over = requests > 0 ? bad / requests > rules.tolerance : undefined;
  const { streak, finding } = literal(rules, seen, over, counted.elapsedMs > before.elapsedMs, before.streak);
  return conclude({ ...counted, streak }, finding);
}

function absorb(rules: OneSampleRules, before: OneSampleState, { elapsedMs, value }: Sample<RateCounts>): OneSampleState {
  const [requests, bad] = before.last;
  const by = increment(value, { requests, bad });
  const counts = elapsedMs > rules.warmUpMs && by.bad <= by.requests;
  return {
    ...before,
    elapsedMs,
    resets: before.resets + (by.reset ? 1 : 0),
    last: [value.requests, value.bad],
    total: counts ? [before.total[0] + by.requests, before.total[1] + by.bad] : before.total,
  };
}
