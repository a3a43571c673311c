/** Seeded random numbers: the same bench gives the same tables, whatever the number of workers. */

/** Uniform in [0, 1). */
export type Random = () => number;

/** sfc32. Different lists of seeds give independent streams. */
export function randomFrom(...seeds: readonly number[]): Random {
  let [a, b, c, count] = [0x9e3779b9, 0x243f6a88, 0xb7e15162, 1];
  const step = (): number => {
    const mixed = (((a + b) | 0) + count) | 0;
    count = (count + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (((c << 21) | (c >>> 11)) + mixed) | 0;
    return mixed >>> 0;
  };
  for (const seed of seeds) {
    a ^= seed;
    for (let k = 0; k < 12; k++) step();
  }
  return () => step() / 2 ** 32;
}

const SQUARE_ROOT_OF_TAU = Math.sqrt(2 * Math.PI);

export function normal(random: Random): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}

export const exponential = (random: Random, mean: number): number => -mean * Math.log(1 - random());

/** log k! − Stirling's formula for it, as the rejection samplers below need it. */
const TAILS = [0.0810614667953272, 0.0413406959554093, 0.0276779256849983, 0.0207906721037651, 0.0166446911898212];
function tail(k: number): number {
  const known = TAILS[k];
  if (known !== undefined) return known;
  const x = k + 1;
  return (1 / 12 - (1 / 360 - 1 / (1260 * x * x)) / (x * x)) / x;
}

/** Small means by multiplication, others by Hörmann's transformed rejection (PTRS): exact in the tails as well. */
export function poisson(random: Random, mean: number): number {
  if (mean <= 0) return 0;
  if (mean < 12) {
    const limit = Math.exp(-mean);
    let count = 0;
    for (let product = random(); product > limit; product *= random()) count++;
    return count;
  }
  const b = 0.931 + 2.53 * Math.sqrt(mean);
  const a = -0.059 + 0.02483 * b;
  const inverseAlpha = 1.1239 + 1.1328 / (b - 3.4);
  for (;;) {
    const u = random() - 0.5;
    const v = random();
    const us = 0.5 - Math.abs(u);
    const k = Math.floor(((2 * a) / us + b) * u + mean + 0.43);
    if (us >= 0.07 && v <= 0.9277 - 3.6224 / (b - 2)) return k;
    if (k < 0 || (us < 0.013 && v > us)) continue;
    const logFactorial = (k + 0.5) * Math.log(k + 1) - (k + 1) + Math.log(SQUARE_ROOT_OF_TAU) + tail(k);
    if (Math.log((v * inverseAlpha) / (a / (us * us) + b)) <= k * Math.log(mean) - mean - logFactorial) return k;
  }
}

/** Small means by the gaps between hits, others by Hörmann's transformed rejection (BTRS). */
export function binomial(random: Random, n: number, p: number): number {
  if (n <= 0 || p <= 0) return 0;
  if (p >= 1) return n;
  if (p > 0.5) return n - binomial(random, n, 1 - p);
  if (n * p < 12) {
    const logMiss = Math.log1p(-p);
    let count = 0;
    for (let at = Math.floor(Math.log(1 - random()) / logMiss); at < n; at += 1 + Math.floor(Math.log(1 - random()) / logMiss))
      count++;
    return count;
  }
  const spread = Math.sqrt(n * p * (1 - p));
  const b = 1.15 + 2.53 * spread;
  const a = -0.0873 + 0.0248 * b + 0.01 * p;
  const c = n * p + 0.5;
  const alpha = (2.83 + 5.1 / b) * spread;
  const odds = p / (1 - p);
  const mode = Math.floor((n + 1) * p);
  for (;;) {
    const u = random() - 0.5;
    const v = random();
    const us = 0.5 - Math.abs(u);
    const k = Math.floor(((2 * a) / us + b) * u + c);
    if (k < 0 || k > n) continue;
    if (us >= 0.07 && v <= 0.92 - 4.2 / b) return k;
    const bound =
      (mode + 0.5) * Math.log((mode + 1) / (odds * (n - mode + 1))) +
      (n + 1) * Math.log((n - mode + 1) / (n - k + 1)) +
      (k + 0.5) * Math.log((odds * (n - k + 1)) / (k + 1)) +
      tail(mode) +
      tail(n - mode) -
      tail(k) -
      tail(n - k);
    if (Math.log((v * alpha) / (a / (us * us) + b)) <= bound) return k;
  }
}

/** Marsaglia and Tsang's; shapes below 1 by the usual power of a uniform. */
function gamma(random: Random, shape: number): number {
  if (shape < 1) return gamma(random, shape + 1) * random() ** (1 / shape);
  const d = shape - 1 / 3;
  for (;;) {
    const x = normal(random);
    const v = (1 + x / Math.sqrt(9 * d)) ** 3;
    if (v > 0 && Math.log(1 - random()) < (x * x) / 2 + d - d * v + d * Math.log(v)) return d * v;
  }
}

/** Beta with this mean, and this correlation between the requests that share one draw. */
export function beta(random: Random, mean: number, correlation: number): number {
  const size = (1 - correlation) / correlation;
  const x = gamma(random, mean * size);
  return x / (x + gamma(random, (1 - mean) * size));
}
