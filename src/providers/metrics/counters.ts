/**
 * Arithmetic of cumulative counters. A counter only ever grows, or falls because its process began again: then everything
 * that it shows has happened since, so that the step is the value itself (judge.md §3). `increase()` of PromQL is never used:
 * it extrapolates, and gave 0 for a first error and 15 for a true 12 across a restart (peers-on-machine.md §6).
 */

/** What one child of a family shows at one instant: one figure for a counter, one per bucket bound for a histogram. */
export type Vector = readonly number[];

export interface Increase {
  readonly by: Vector;
  /** How often the counter fell: events between the last look and each fall are lost. */
  readonly resets: number;
}

export const zeros = (width: number): Vector => new Array<number>(width).fill(0);

export const sum = (a: Vector, b: Vector): Vector => a.map((value, index) => value + (b[index] ?? 0));

/**
 * The sum of the steps through `values`, oldest first, from `previous`; a child that was born since begins at 0.
 * The buckets of one histogram live and die together: if one of them fell, all of them began again.
 */
export function increaseOver(previous: Vector | undefined, values: readonly Vector[]): Increase {
  const width = previous?.length ?? values[0]?.length ?? 0;
  let last = previous ?? zeros(width);
  let by = zeros(width);
  let resets = 0;
  for (const value of values) {
    const fell = value.some((figure, index) => figure < (last[index] ?? 0));
    if (fell) resets++;
    const base = fell ? zeros(width) : last;
    by = by.map((total, index) => total + (value[index] ?? 0) - (base[index] ?? 0));
    last = value;
  }
  return { by, resets };
}

/** Cumulative bucket counts (the last one is everything) → counts per bucket, the last one for everything above the bounds. */
export function perBucket(cumulative: Vector): Vector {
  return cumulative.map((count, index) => count - (index === 0 ? 0 : (cumulative[index - 1] ?? 0)));
}
