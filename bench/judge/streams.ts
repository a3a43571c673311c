/** Simulated traffic: what two revisions count tick by tick, with errors that come alone, in bursts, or to both at once. */
import type { PerRevision, RateCounts, Reading, Sample } from '../../src/domain/reading.js';
import { beta, binomial, exponential, poisson, type Random } from './random.js';

/** One tick's increments. */
export type Tick = PerRevision<RateCounts>;

/** How many of a tick's requests are bad on each side. */
export type Pattern = (requests: PerRevision<number>) => PerRevision<number>;

export const independent =
  (random: Random, stable: number, candidate = stable): Pattern =>
  (requests) => ({
    stable: binomial(random, requests.stable, stable),
    candidate: binomial(random, requests.candidate, candidate),
  });

/** Each side has its own error rate in each tick, with this correlation between its requests. */
export const sideNoise =
  (random: Random, rate: number, correlation: number): Pattern =>
  (requests) => ({
    stable: binomial(random, requests.stable, beta(random, rate, correlation)),
    candidate: binomial(random, requests.candidate, beta(random, rate, correlation)),
  });

/** Bad requests come so many at a time, all of them on one side: a user who retries, a batch. */
export function clusters(random: Random, rate: number, size: number): Pattern {
  const of = (requests: number): number => Math.min(requests, size * poisson(random, (requests * rate) / size));
  return (requests) => ({ stable: of(requests.stable), candidate: of(requests.candidate) });
}

/** Whether both sides suffer in this tick, and how much: one outage in ten minutes, half a minute long, 5 to 80 % bad. */
export function outages(random: Random): () => number {
  let severity = 0;
  return () => {
    if (severity > 0 && random() < 1 / 6) severity = 0;
    else if (severity === 0 && random() < 1 / 120) severity = 0.05 + 0.75 * random();
    return severity;
  };
}

export function commonOutages(random: Random, rate: number, severity: () => number = outages(random)): Pattern {
  return (requests) => {
    const now = Math.max(rate, severity());
    return { stable: binomial(random, requests.stable, now), candidate: binomial(random, requests.candidate, now) };
  };
}

/** Requests a tick by Poisson, the bad ones among them by the pattern. */
export function ticks(random: Random, pattern: Pattern, rps: number, weight: number, tickMs: number): () => Tick {
  const expected = (rps * tickMs) / 1_000;
  return () => {
    const requests = { stable: poisson(random, expected * (1 - weight)), candidate: poisson(random, expected * weight) };
    const bad = pattern(requests);
    return {
      stable: { requests: requests.stable, bad: bad.stable },
      candidate: { requests: requests.candidate, bad: bad.candidate },
    };
  };
}

export const NOTHING: Tick = { stable: { requests: 0, bad: 0 }, candidate: { requests: 0, bad: 0 } };

export const plus = (sum: Tick, { stable, candidate }: Tick): Tick => ({
  stable: { requests: sum.stable.requests + stable.requests, bad: sum.stable.bad + stable.bad },
  candidate: { requests: sum.candidate.requests + candidate.requests, bad: sum.candidate.bad + candidate.bad },
});

export function sample<T>(elapsedMs: number, value: T): Sample<T> {
  return { at: elapsedMs, ageMs: 0, elapsedMs, value };
}

/** Factor 1.1 from half the median to 20 times the p95 of `latencies(1)`, as judge.md §0 asks for. */
export const BOUNDS_MS: readonly number[] = Array.from({ length: 48 }, (_, k) => 50 * 1.1 ** k);

/** Share in each bucket of a lognormal with median 100 ms × ratio and sigma 0.5 (judge.md 4.4). */
export function latencies(ratio: number): readonly number[] {
  const below = BOUNDS_MS.map((bound) => normalBelow(Math.log(bound / (100 * ratio)) / 0.5));
  return [...below, 1].map((share, k) => share - (below[k - 1] ?? 0));
}

/** Abramowitz and Stegun 7.1.26: to 1.5e-7. */
function normalBelow(z: number): number {
  const t = 1 / (1 + (0.3275911 * Math.abs(z)) / Math.SQRT2);
  const poly = ((((1.061405429 * t - 1.453152027) * t + 1.421413741) * t - 0.284496736) * t + 0.254829592) * t;
  const outside = (poly * Math.exp((-z * z) / 2)) / 2;
  return z >= 0 ? 1 - outside : outside;
}

/** One tick's answers by bucket. */
export function histogram(random: Random, shares: readonly number[], expected: number): number[] {
  return shares.map((share) => poisson(random, expected * share));
}

export const total = (counts: readonly number[]): number => counts.reduce((sum, count) => sum + count, 0);
export const add = (sum: readonly number[], more: readonly number[]): number[] => sum.map((count, k) => count + (more[k] ?? 0));

/** An M/M/1 queue; the age of its oldest message, the one in service included, after each tick. Service takes half a second. */
export function queue(random: Random, utilisation: number): (tickMs: number) => number {
  const serviceS = 0.5;
  const waiting: number[] = [];
  let now = 0;
  let arrives = exponential(random, serviceS / utilisation);
  let leaves = Infinity;
  const step = (tickMs: number): number => {
    const end = now + tickMs / 1_000;
    for (;;) {
      if (Math.min(arrives, leaves) > end) break;
      if (arrives <= leaves) {
        if (waiting.push(arrives) === 1) leaves = arrives + exponential(random, serviceS);
        arrives += exponential(random, serviceS / utilisation);
      } else {
        waiting.shift();
        leaves = waiting.length > 0 ? leaves + exponential(random, serviceS) : Infinity;
      }
    }
    now = end;
    return now - (waiting[0] ?? now);
  };
  // As it is after a long time, not as it is when it has just begun.
  for (let k = 0; k < 60; k++) step(10_000);
  return step;
}

export type Service = {
  readonly rps: number;
  /** The same on both sides: an identical release. */
  readonly errorRate: number;
  readonly utilisation: number;
};

const COLD_SHARE = 0.02;
const REPLAY_SHARE = 0.01;
const MISS_SHARE = 0.0005;

/**
 * An identical release in all that the gates look at. `next` gives the cumulative reading after one more tick of a step at
 * `weight`; the queue lives on from step to step.
 */
export class IdenticalRelease {
  readonly #shares = latencies(1);
  readonly #age: (tickMs: number) => number;

  constructor(
    readonly random: Random,
    readonly service: Service,
  ) {
    this.#age = queue(random, service.utilisation);
  }

  step(weight: number): (tickMs: number) => Reading {
    const { random, service } = this;
    const none = this.#shares.map(() => 0);
    let counts = { stable: none, candidate: none };
    let errors = NOTHING;
    let cold = 0;
    let dedupe = { replays: 0, misses: 0, duplicateEffects: 0 };
    let elapsedMs = 0;
    return (tickMs) => {
      elapsedMs += tickMs;
      const expected = (service.rps * tickMs) / 1_000;
      const stable = histogram(random, this.#shares, expected * (1 - weight));
      const candidate = histogram(random, this.#shares, expected * weight);
      counts = { stable: add(counts.stable, stable), candidate: add(counts.candidate, candidate) };
      const requests = { stable: total(stable), candidate: total(candidate) };
      const bad = independent(random, service.errorRate)(requests);
      errors = plus(errors, {
        stable: { requests: requests.stable, bad: bad.stable },
        candidate: { requests: requests.candidate, bad: bad.candidate },
      });
      cold += binomial(random, requests.candidate, COLD_SHARE);
      const replays = binomial(random, requests.candidate, REPLAY_SHARE);
      dedupe = { ...dedupe, replays: dedupe.replays + replays, misses: dedupe.misses + binomial(random, replays, MISS_SHARE) };
      return {
        errors: sample(elapsedMs, errors),
        latency: sample(elapsedMs, { boundsMs: BOUNDS_MS, counts }),
        coldStarts: sample(elapsedMs, {
          candidate: { requests: errors.candidate.requests, bad: cold },
          stable: { requests: errors.stable.requests, bad: 0 },
        }),
        queueAgeS: sample(elapsedMs, this.#age(tickMs)),
        dedupe: sample(elapsedMs, dedupe),
      };
    };
  }
}
