/** Seeded random numbers, for what is simulated before a rollout begins: the same plan gives the same table. */

/** A source of numbers in [0, 1). */
export type Random = () => number;

/** mulberry32. */
export function randomFrom(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** How many of independent arrivals come where `mean` are expected; above 60 by the normal law. */
export function arrivals(random: Random, mean: number): number {
  if (mean > 60) {
    const normal = Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
    return Math.max(0, Math.round(mean + Math.sqrt(mean) * normal));
  }
  const enough = Math.exp(-mean);
  let count = 0;
  for (let product = random(); product > enough; product *= random()) count++;
  return count;
}

/** How many of `requests` are bad where each is with chance `rate`; the rarer of good and bad by `arrivals`. */
export function badAmong(random: Random, requests: number, rate: number): number {
  if (rate > 0.5) return requests - badAmong(random, requests, 1 - rate);
  return Math.min(requests, arrivals(random, requests * rate));
}
