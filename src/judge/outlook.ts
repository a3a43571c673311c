import { harmlessUpTo } from './budget.js';
import type { Finding, Rules, Seen } from './decide.js';
import { logNotWorse, type Bounds, type Sums } from './primitive.js';

const FARTHEST = 64;

/**
 * How many more candidate requests an uncertain gate needs if both sides go on as they did. The sums of judge.md §1 are
 * linear in the data, so s times the data is s times the sums; this finds the smallest s at which the gate would pass.
 * An estimate for people. Undefined: not within 64 times the data seen.
 */
export function moreRequests(
  { alpha, beta, tolerance }: Pick<Rules, 'alpha' | 'beta' | 'tolerance'>,
  { requests, stableRate }: Pick<Seen, 'requests' | 'stableRate'>,
  sums: Sums,
  { budget, bounds }: Finding & { readonly bounds: Bounds },
): number | undefined {
  const harmless = budget ? harmlessUpTo(bounds.upper, budget, { tolerance, alpha, stableRate }) : 0;
  const target = Math.max(tolerance, harmless);
  // The upper bound is at most the target exactly when the target itself is rejected.
  const passesAt = (factor: number): boolean => logNotWorse(times(sums, factor), target) >= Math.log(1 / beta);
  let low = 1;
  let high = 2;
  for (; high <= FARTHEST && !passesAt(high); high *= 2) low = high;
  if (high > FARTHEST) return undefined;
  for (let k = 0; k < 5; k++) {
    const middle = (low + high) / 2;
    if (passesAt(middle)) high = middle;
    else low = middle;
  }
  return Math.ceil(requests * (high - 1));
}

/** The safe half of the sums, were there so many times the data. */
export function times({ A, B, C, D }: Sums, factor: number): Sums {
  return { A, B, C: C.map((x) => x * factor), D: D.map((x) => x * factor) };
}
