/** What the judge is held against: the literal rules, and a Mann-Whitney judge as canary analysis uses it. One instance a step. */
import type { RateCounts } from '../../src/domain/reading.js';
import { NOTHING, plus, type Tick } from './streams.js';

/** After each tick: does it fail the release now? */
export interface Rival {
  fails(elapsedMs: number, tick: Tick): boolean;
}

const MINUTE_MS = 60_000;
const TOLERANCE = 0.0005;

const rate = ({ requests, bad }: RateCounts): number => bad / requests;
const isWorse = ({ stable, candidate }: Tick): boolean =>
  stable.requests > 0 && candidate.requests > 0 && rate(candidate) - rate(stable) > TOLERANCE;

/** The difference over each whole minute against the tolerance. */
export function literalOnWindows(): Rival {
  let window = NOTHING;
  return {
    fails: (elapsedMs, tick) => {
      window = plus(window, tick);
      if (elapsedMs % MINUTE_MS !== 0) return false;
      const fails = isWorse(window);
      window = NOTHING;
      return fails;
    },
  };
}

/** The difference over the step so far, looked at on every tick from the first minute on. */
export function literalSoFar(): Rival {
  let sofar = NOTHING;
  return {
    fails: (elapsedMs, tick) => {
      sofar = plus(sofar, tick);
      return elapsedMs >= MINUTE_MS && isWorse(sofar);
    },
  };
}

const Z_98 = 2.3263;
const EFFECT = 0.25;

/**
 * Kayenta's rule on the error rates of the ticks so far, each minute, direction increase: fails when the lower end of the
 * 98 % interval for the shift between the two samples lies above a quarter of the shift's estimate.
 */
export function mannWhitney(): Rival {
  const candidate: number[] = [];
  const stable: number[] = [];
  return {
    fails: (elapsedMs, tick) => {
      if (tick.candidate.requests > 0) candidate.push(rate(tick.candidate));
      if (tick.stable.requests > 0) stable.push(rate(tick.stable));
      return elapsedMs % MINUTE_MS === 0 && isHigher(candidate, stable);
    },
  };
}

function isHigher(xs: readonly number[], ys: readonly number[]): boolean {
  const [n, m] = [xs.length, ys.length];
  if (n < 2 || m < 2) return false;
  const { greater, tied } = compare(xs, ys);
  const spread = Math.sqrt(((n * m) / 12) * (n + m + 1 - tied / ((n + m) * (n + m - 1))));
  // Below this the interval reaches 0, so the pairs need not be sorted.
  if (spread === 0 || greater - (n * m) / 2 < Z_98 * spread) return false;
  const shifts = new Float64Array(n * m);
  xs.forEach((x, i) => {
    ys.forEach((y, k) => (shifts[i * m + k] = x - y));
  });
  shifts.sort();
  const estimate = Math.abs(shifts[Math.floor((n * m) / 2)] ?? 0);
  const lower = shifts[Math.max(0, Math.floor((n * m) / 2 - Z_98 * spread) - 1)] ?? 0;
  return lower > EFFECT * estimate;
}

/** Pairs in which x is greater, equal ones by half, and the sum of t³ − t over the groups of equal values. */
function compare(xs: readonly number[], ys: readonly number[]): { readonly greater: number; readonly tied: number } {
  const [a, b] = [xs.toSorted((p, q) => p - q), ys.toSorted((p, q) => p - q)];
  let [i, k, greater, tied] = [0, 0, 0, 0];
  while (i < a.length || k < b.length) {
    const value = Math.min(a[i] ?? Infinity, b[k] ?? Infinity);
    const [fromA, fromB] = [i, k];
    while (a[i] === value) i++;
    while (b[k] === value) k++;
    const [inA, inB] = [i - fromA, k - fromB];
    greater += inA * (fromB + inB / 2);
    tied += (inA + inB) ** 3 - (inA + inB);
  }
  return { greater, tied };
}

export const RIVALS = {
  'literal, 1-minute windows': literalOnWindows,
  'literal, cumulative': literalSoFar,
  'Mann-Whitney': mannWhitney,
} as const satisfies Readonly<Record<string, () => Rival>>;
export type RivalName = keyof typeof RIVALS;
