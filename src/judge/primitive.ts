/**
 * The one test behind the errors, latency, cold-start, dedupe and custom gates: a two-sided mixture e-process for the
 * difference of two rates that run side by side (judge.md §1). Stable's own rate cancels, so an outage or a daily cycle
 * that both sides share proves nothing; and by Ville's inequality one may look at every tick.
 */
import type { RateCounts } from '../domain/reading.js';

/** The grid HF of judge.md §1: 2^-5 … 2^10. */
export const WORSE_BETS: readonly number[] = Array.from({ length: 16 }, (_, k) => 2 ** (k - 5));
/** The grid HC of judge.md §1: 2^-6 … 2^-1, .75, .95. */
export const SAFE_BETS: readonly number[] = [...Array.from({ length: 6 }, (_, k) => 2 ** (k - 6)), 0.75, 0.95];

/** A and B of judge.md §1 over the worse bets, C and D over the safe ones: all that is remembered of any number of blocks. */
export interface Sums {
  readonly A: readonly number[];
  readonly B: readonly number[];
  readonly C: readonly number[];
  readonly D: readonly number[];
}

const zeros = (length: number): readonly number[] => new Array<number>(length).fill(0);
export const NO_SUMS: Sums = { A: zeros(16), B: zeros(16), C: zeros(8), D: zeros(8) };

/** The stable side of a one-sample test against a known limit: n0 is infinite, so the bounds hold for the rate itself. */
export const KNOWN_LIMIT: RateCounts = { requests: Infinity, bad: 0 };

/** Keeps 1 − ratio × bet above 0. */
export function clipBet(bet: number, ratio: number): number {
  return ratio > 0 ? Math.min(bet, 0.95 / ratio) : bet;
}

/** Adds one block (judge.md §1). `dispersion` is phi, at least 1 and chosen from the past. */
export function addBlock(sums: Sums, candidate: RateCounts, stable: RateCounts, dispersion: number): Sums {
  const { requests: n1, bad: e1 } = candidate;
  const e0 = stable.bad;
  const ratio = n1 / stable.requests;
  const [A, B, C, D] = [[...sums.A], [...sums.B], [...sums.C], [...sums.D]];
  WORSE_BETS.forEach((bet, j) => {
    const h = clipBet(bet, ratio);
    A[j] = (A[j] ?? 0) + (e1 * Math.log1p(h) + (e0 > 0 ? e0 * Math.log1p(-ratio * h) : 0)) / dispersion;
    B[j] = (B[j] ?? 0) + (n1 * h) / dispersion;
  });
  SAFE_BETS.forEach((h, j) => {
    C[j] = (C[j] ?? 0) + (e1 * Math.log1p(-h) + e0 * Math.log1p(ratio * h)) / dispersion;
    D[j] = (D[j] ?? 0) + (n1 * h) / dispersion;
  });
  return { A, B, C, D };
}

/** log of the mean over j of exp(gains_j + slope × costs_j). */
function logMean(gains: readonly number[], costs: readonly number[], slope: number): number {
  let most = -Infinity;
  for (let j = 0; j < gains.length; j++) most = Math.max(most, (gains[j] ?? 0) + slope * (costs[j] ?? 0));
  if (most === -Infinity) return most;
  let total = 0;
  for (let j = 0; j < gains.length; j++) total += Math.exp((gains[j] ?? 0) + slope * (costs[j] ?? 0) - most);
  return most + Math.log(total) - Math.log(gains.length);
}

/** logE_fail(d): evidence against "the candidate is at most `difference` worse" (judge.md §1). Falls as `difference` rises. */
export function logWorse(sums: Sums, difference: number): number {
  return logMean(sums.A, sums.B, -difference);
}

/** logE_cert(d): evidence against "the candidate is at least `difference` worse" (judge.md §1). Rises with `difference`. */
export function logNotWorse(sums: Sums, difference: number): number {
  return logMean(sums.C, sums.D, difference);
}

export interface Bounds {
  /** LCB: the candidate is at least this much worse. */
  readonly lower: number;
  /** UCB: and at most this much. */
  readonly upper: number;
  /** logE_fail at the tolerance. */
  readonly logEvidence: number;
}

/** LCB(alpha) of judge.md §1, searched from `least` (0 for a rate, −1 for a difference) to 1. */
export function lowerBound({ A, B }: Sums, alpha: number, least: -1 | 0 = -1): number {
  return crossing(A, B, -1, Math.log(1 / alpha), least, 1);
}

/** UCB(beta) of judge.md §1, searched from 1 down to `least`. */
export function upperBound({ C, D }: Sums, beta: number, least: -1 | 0 = -1): number {
  return crossing(C, D, 1, Math.log(1 / beta), 1, least);
}

/** Far more than Newton's method takes; only sums that no block left could want as many. */
const MOST_STEPS = 60;

/**
 * Where the log mean of exp(gains + sign × slope × costs) comes down to the threshold on the way from one slope to another; the
 * first where it is not above it there, the last where it stays above. By Newton's method: the function is convex, so that no
 * tangent leads past the crossing. Agrees with the 60 bisections of judge.md's reference to rounding, in a seventh of the time.
 */
function crossing(
  gains: readonly number[],
  costs: readonly number[],
  sign: -1 | 1,
  threshold: number,
  from: number,
  to: number,
): number {
  let at = from;
  for (let k = 0; k < MOST_STEPS; k++) {
    let most = -Infinity;
    for (let j = 0; j < gains.length; j++) most = Math.max(most, (gains[j] ?? 0) + sign * at * (costs[j] ?? 0));
    let total = 0;
    let steepness = 0;
    for (let j = 0; j < gains.length; j++) {
      const part = Math.exp((gains[j] ?? 0) + sign * at * (costs[j] ?? 0) - most);
      total += part;
      steepness += part * (costs[j] ?? 0);
    }
    const step = ((most + Math.log(total) - Math.log(gains.length) - threshold) * total) / steepness;
    const next = sign < 0 ? Math.min(to, at + step) : Math.max(to, at - step);
    // Also where nothing is at stake and no slope changes anything: then it is not a number.
    if (!(sign < 0 ? next > at : next < at)) return at;
    at = next;
  }
  return at;
}

/** What a one-sample test of these counts remembers: with a fixed dispersion the counts are all there is to it. */
export function sumsOf(counts: RateCounts, dispersion: number): Sums {
  return addBlock(NO_SUMS, counts, KNOWN_LIMIT, dispersion);
}
