/**
 * The rule of the queue-age gate (G4 of judge.md §2). Queue ages are strongly autocorrelated, so no exact bound exists: this
 * is calibrated (judge.md 4.6), not proved.
 */
import type { Sample } from '../domain/reading.js';
import { blind, latch, type Finding, type Memory } from './decide.js';
import { MANY, SCALAR, type Layout } from './packing.js';
import { believe, isNumber } from './samples.js';

export interface GrowthState extends Memory {
  readonly points: number;
  /** Highest age before the recent ones, in seconds. */
  readonly highest: number;
  /** The last m ages. */
  readonly recent: readonly number[];
  /** Time in tenths of a second, lowest and highest age of each point, or, where there are many, of neighbouring points together. */
  readonly history: readonly number[];
  /** How many entries of the history, from its start, hold more than one point. */
  readonly merged: number;
  /** Twice the highest age in a healthy window, in seconds; 0: none was watched. */
  readonly reference: number;
}

export const GROWTH_LAYOUT: Layout<GrowthState> = {
  failed: SCALAR,
  elapsedMs: SCALAR,
  points: SCALAR,
  highest: SCALAR,
  recent: MANY,
  history: MANY,
  merged: SCALAR,
  reference: SCALAR,
};

export interface GrowthRules {
  /** tau: the rise that matters. */
  readonly toleranceS: number;
  /** m: ages that must all be new highs. */
  readonly highs: number;
  readonly soakMs: number;
  readonly staleMs: number;
  readonly minimumPoints: number;
  /** Equal time blocks of the trend. */
  readonly blocks: number;
}

export interface GrowthFinding extends Finding {
  /** theta: the age above which a rise matters, in seconds; undefined where the sample cannot be read. */
  readonly thresholdS: number | undefined;
}

const MOST_POINTS = 128;
const toTenths = (ms: number): number => Math.round(ms / 100);

export function openGrowth(reference = 0): GrowthState {
  return { failed: 0, elapsedMs: -1, points: 0, highest: 0, recent: [], history: [], merged: 0, reference };
}

export function stepGrowth(
  rules: GrowthRules,
  before: GrowthState,
  sample: Sample<number> | undefined,
): { readonly state: GrowthState; readonly finding: GrowthFinding } {
  const believed = believe(sample, rules.staleMs, (value) => isNumber(value) && value >= 0);
  if (believed.kind === 'blind') {
    const { state, finding } = latch(before, blind(believed.reason));
    return { state, finding: { ...finding, thresholdS: undefined } };
  }
  const isNewer = before.points === 0 || believed.sample.elapsedMs !== before.elapsedMs;
  const state = isNewer ? addPoint(rules, before, believed.sample) : before;
  const thresholdS = Math.max(rules.toleranceS, state.reference, state.highest);
  const latched = latch(state, findingOf(rules, state, thresholdS));
  return { state: latched.state, finding: { ...latched.finding, thresholdS } };
}

function findingOf(rules: GrowthRules, state: GrowthState, thresholdS: number): Finding {
  if (state.points > rules.highs && Math.min(...state.recent) > thresholdS && rises(state.recent))
    return { verdict: 'fail', reason: 'growth' };
  if (state.elapsedMs < rules.soakMs) return { verdict: 'inconclusive', reason: 'soaking' };
  if (state.points < rules.minimumPoints) return { verdict: 'inconclusive', reason: 'too-few-requests' };
  return hasTrend(rules, state) ? { verdict: 'fail', reason: 'trend' } : { verdict: 'pass', reason: 'no-growth' };
}

/** All pairs but one rise (judge.md §2 G4): rises less falls is at least all pairs less two. */
function rises(ages: readonly number[]): boolean {
  const pairs = ages.flatMap((earlier, i) => ages.slice(i + 1).map((later) => Math.sign(later - earlier)));
  return pairs.reduce((sum, sign) => sum + sign, 0) >= pairs.length - 2;
}

/**
 * Minima and maxima of all blocks strictly rise, the minima by more than half the tolerance in total. Points that are kept
 * together across a block's edge may belong to either side: they count where they hide a trend, never where they make one.
 */
function hasTrend({ blocks, toleranceS }: GrowthRules, { history, merged, elapsedMs }: GrowthState): boolean {
  const start = history[0] ?? 0;
  const end = toTenths(elapsedMs);
  if (end <= start) return false;
  // Held between 0 and the last block, so that no corrupt time makes the loop below endless.
  const blockOf = (time: number): number =>
    Math.max(0, Math.min(blocks - 1, Math.trunc(((time - start) / (end - start)) * blocks)));
  const empty = { low: Infinity, high: -Infinity };
  const inside = new Array<Range>(blocks).fill(empty);
  const touching = new Array<Range>(blocks).fill(empty);
  for (let k = 0; 3 * k < history.length; k++) {
    const [time = 0, low = 0, high = 0, next = end + 1] = history.slice(3 * k, 3 * k + 4);
    const first = blockOf(time);
    const last = k < merged ? blockOf(next - 1) : first;
    if (first === last) inside[first] = cover(inside[first], low, high);
    for (let block = first; block <= last; block++) touching[block] = cover(touching[block], low, high);
  }
  const lowest = inside[0] ?? empty;
  const rise = (touching.at(-1) ?? empty).low - lowest.low;
  const rising = inside.slice(1).every((now, k) => {
    const before = inside[k] ?? empty;
    const [touchedBefore, touched] = [touching[k] ?? empty, touching[k + 1] ?? empty];
    return now.high > -Infinity && before.low < touched.low && touchedBefore.high < now.high;
  });
  return lowest.low < Infinity && rising && rise > toleranceS / 2;
}

interface Range {
  readonly low: number;
  readonly high: number;
}

function cover(range: Range | undefined, low: number, high: number): Range {
  return range ? { low: Math.min(range.low, low), high: Math.max(range.high, high) } : { low, high };
}

function addPoint({ highs }: GrowthRules, before: GrowthState, { elapsedMs, value }: Sample<number>): GrowthState {
  const ages = [...before.recent, value];
  const history = [...before.history, toTenths(elapsedMs), value, value];
  return {
    ...before,
    elapsedMs,
    points: before.points + 1,
    highest: Math.max(before.highest, ...ages.slice(0, -highs)),
    recent: ages.slice(-highs),
    ...(history.length > 3 * MOST_POINTS
      ? { history: mergePairs(history), merged: Math.floor(history.length / 6) }
      : { history }),
  };
}

function mergePairs(history: readonly number[]): number[] {
  const merged: number[] = [];
  for (let k = 0; k < history.length; k += 6) {
    merged.push(
      history[k] ?? 0,
      Math.min(history[k + 1] ?? 0, history[k + 4] ?? Infinity),
      Math.max(history[k + 2] ?? 0, history[k + 5] ?? -Infinity),
    );
  }
  return merged;
}
