/** Cumulative counts → increments. A count that falls was reset, and its new value is the increment (judge.md §3). */
import type { RateCounts } from '../domain/reading.js';

export interface Increment extends RateCounts {
  readonly reset: boolean;
}

export function increment(now: RateCounts, before: RateCounts): Increment {
  const reset = now.requests < before.requests || now.bad < before.bad;
  return reset
    ? { requests: now.requests, bad: now.bad, reset }
    : { requests: now.requests - before.requests, bad: now.bad - before.bad, reset };
}

/** One histogram's buckets: a fall in any of them resets them all. `before` is empty when nothing was seen. */
export function bucketIncrements(
  now: readonly number[],
  before: readonly number[],
): { readonly counts: readonly number[]; readonly reset: boolean } {
  const reset = now.some((count, k) => count < (before[k] ?? 0));
  return { counts: reset ? now : now.map((count, k) => count - (before[k] ?? 0)), reset };
}
