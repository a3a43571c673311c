import { isCount, isNumber } from './samples.js';

/** The quantile that the latency gate compares. */
export const QUANTILE = 0.95;
/** Stable requests needed to choose the boundary (judge.md §2 G2). */
export const ENOUGH_TO_CHOOSE = 200;

const sum = (counts: readonly number[]): number => counts.reduce((total, count) => total + count, 0);

/** More buckets than this would not fit the evidence. */
const MOST_BOUNDS = 200;

export function isBounds(value: unknown): value is readonly number[] {
  const isRising = (bound: unknown, k: number, all: readonly unknown[]): boolean =>
    isNumber(bound) && bound > 0 && (k === 0 || bound > Number(all[k - 1]));
  return Array.isArray(value) && value.length > 0 && value.length <= MOST_BOUNDS && value.every(isRising);
}

/** One count a bound and one above them all. */
export function isHistogram(value: unknown, bounds: readonly number[]): value is readonly number[] {
  return Array.isArray(value) && value.length === bounds.length + 1 && value.every(isCount);
}

/** For people only, never gated on (judge.md §2 G2): log-linear inside a bucket, linear in the first, the last finite bound above. */
export function quantile(bounds: readonly number[], counts: readonly number[], q: number = QUANTILE): number | undefined {
  const total = sum(counts);
  if (total <= 0) return undefined;
  const rank = q * total;
  let below = 0;
  for (const [k, count] of counts.entries()) {
    if (count > 0 && below + count >= rank) {
      const share = (rank - below) / count;
      const high = bounds[k];
      if (high === undefined) return bounds.at(-1);
      const low = bounds[k - 1];
      return low === undefined ? high * share : low * (high / low) ** share;
    }
    below += count;
  }
  return bounds.at(-1);
}

/** Indices into the bounds: stable is slow above `stable`, the candidate above `fail` (to fail) or `certify` (to certify). */
export interface Boundary {
  readonly stable: number;
  readonly fail: number;
  readonly certify: number;
}

/** The candidate's two boundaries for stable's: the smallest bound ≥ R·x and the largest ≤ R·x. Undefined: none is high enough. */
export function boundaryAt(bounds: readonly number[], ratio: number, stable: number): Boundary | undefined {
  const x = bounds[stable];
  if (x === undefined) return undefined;
  const fail = bounds.findIndex((bound) => bound >= ratio * x * (1 - 1e-9));
  const certify = bounds.findLastIndex((bound) => bound <= ratio * x * (1 + 1e-9));
  return fail < 0 ? undefined : { stable, fail, certify };
}

/**
 * x of judge.md §2 G2: the smallest bound above which stable has at most 5 %, or the next one down that leaves a bound
 * ≥ R·x. `undecided`: too few requests to say. `out-of-range`: stable's p95 lies above the last bound.
 */
export function chooseBoundary(
  bounds: readonly number[],
  ratio: number,
  stable: readonly number[],
): Boundary | 'undecided' | 'out-of-range' {
  const total = sum(stable);
  if (total < ENOUGH_TO_CHOOSE) return 'undecided';
  let tail = total;
  const smallest = bounds.findIndex((_, k) => {
    tail -= stable[k] ?? 0;
    return tail <= (1 - QUANTILE) * total;
  });
  for (let k = smallest; k >= 0; k--) {
    const boundary = boundaryAt(bounds, ratio, k);
    if (boundary) return boundary;
  }
  return 'out-of-range';
}

export const slowerThan = (counts: readonly number[], boundary: number): number => sum(counts.slice(boundary + 1));
export { sum as requestsIn };
