/** Bucket bounds for the latency gate: factor 1.1, so that R × x is a bound whenever x is one (judge.md §2, G2). */
const FACTOR = 1.1;
const LAST_MS = 60_000;

/** From 1 ms to the first bound above 60 s. HAProxy's times are whole milliseconds: under 10 ms several bounds share a bucket. */
export const LATENCY_BOUNDS_MS: readonly number[] = Array.from(
  { length: Math.ceil(Math.log(LAST_MS) / Math.log(FACTOR)) + 1 },
  (_, power) => digits(FACTOR ** power),
);

/** Bounds as `le` labels, in seconds. */
export const inSeconds = (boundsMs: readonly number[]): number[] => boundsMs.map((bound) => digits(bound / 1_000));

/** Twelve digits: what is left of floating point must not move a bound into the next bucket. */
function digits(value: number): number {
  return Number(value.toPrecision(12));
}
