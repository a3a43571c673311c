/**
 * What a step can see before it begins (judge.md §0 "`sluice plan` prints what this rollout can see"): releases simulated
 * through the primitive and the rules that judge the real one. Arrivals are independent and phi is 1; bursts make all of it
 * slower. Seeded: the same plan gives the same figures.
 */
import type { GatePolicy, StepPolicy } from '../domain/policy.js';
import type { RateCounts } from '../domain/reading.js';
import { EVERYBODY } from '../domain/words.js';
import { alphaOf } from './alpha.js';
import { QUANTILE } from './buckets.js';
import type { Rules } from './decide.js';
import { NOTHING_LEARNT } from './dispersion.js';
import { knownLimit, rulesOf } from './gate.js';
import { addBlock, KNOWN_LIMIT, logWorse, NO_SUMS } from './primitive.js';
import { arrivals, badAmong, randomFrom, type Random } from './random.js';
import { literal } from './threshold.js';

/** What is expected of the two revisions together, and of stable's share of bad requests. */
export interface Traffic {
  readonly requestsPerSecond: number;
  readonly stableRate: number;
}

/** One gate that counts requests, at one step. */
export interface Look {
  readonly policy: StepPolicy;
  readonly gate: GatePolicy;
  readonly tickMs: number;
  readonly soakMaxMs: number;
  /** Where stable was last seen; at 100 % the candidate is held against it. */
  readonly before?: Pick<StepPolicy, 'weightBp' | 'soakMs'>;
}

/** The gate's rules at this step, and what the candidate is held against where no stable runs beside it. */
export interface Test {
  readonly rules: Rules;
  readonly limit: number | undefined;
}

export function testOf({ policy, gate, before }: Look, { requestsPerSecond, stableRate }: Traffic): Test {
  const rules = rulesOf({ policy, gate, alpha: alphaOf(gate.gate, policy) });
  if (policy.weightBp < EVERYBODY) return { rules, limit: undefined };
  const seen = before === undefined ? 0 : (requestsPerSecond * (1 - before.weightBp / EVERYBODY) * before.soakMs) / 1_000;
  return { rules, limit: knownLimit({ requests: seen, bad: seen * stableRate }, NOTHING_LEARNT) ?? 0 };
}

interface Drawn {
  readonly candidateRate: number;
  readonly everyMs: number;
  readonly untilMs: number;
  readonly random: Random;
}

export interface Tick {
  readonly elapsedMs: number;
  readonly candidate: RateCounts;
  readonly stable: RateCounts;
}

/** Blocks up to a time: a tick without requests on either side is pooled with the next (judge.md §1). */
export function* blocksOf(
  { policy }: Look,
  { requestsPerSecond, stableRate }: Traffic,
  { candidateRate, everyMs, untilMs, random }: Drawn,
): Generator<Tick> {
  const expected = (requestsPerSecond * everyMs) / 1_000;
  const weight = policy.weightBp / EVERYBODY;
  let [n1, e1, n0, e0] = [0, 0, 0, 0];
  for (let elapsedMs = everyMs; elapsedMs <= untilMs; elapsedMs += everyMs) {
    const more1 = arrivals(random, expected * weight);
    const more0 = arrivals(random, expected * (1 - weight));
    [n1, n0] = [n1 + more1, n0 + more0];
    [e1, e0] = [e1 + badAmong(random, more1, candidateRate), e0 + badAmong(random, more0, stableRate)];
    if (n1 === 0 || (n0 === 0 && weight < 1)) continue;
    yield { elapsedMs, candidate: { requests: n1, bad: e1 }, stable: { requests: n0, bad: e0 } };
    [n1, e1, n0, e0] = [0, 0, 0, 0];
  }
}

/** When a worse release fails. Undefined: half of them, or 95 of 100, do not within the soak. */
export interface Detection {
  readonly medianMs: number | undefined;
  readonly p95Ms: number | undefined;
  /** Of the simulated releases, how many fail within the soak. */
  readonly share: number;
}

const RUNS = 200;
/** As many without one detection, and the others are not looked at. */
const ENOUGH_IN_VAIN = 40;

/** How long it takes to see that the candidate's share of bad requests is `candidateRate`. */
export function detection(look: Look, traffic: Traffic, candidateRate: number, adjust: Partial<Rules> = {}): Detection {
  const { rules, limit } = testOf(look, traffic);
  const random = randomFrom(1);
  const times: number[] = [];
  let runs = 0;
  for (; runs < RUNS && !(runs === ENOUGH_IN_VAIN && times.length === 0); runs++) {
    const blocks = blocksOf(look, traffic, { candidateRate, everyMs: look.tickMs, untilMs: rules.soakMs, random });
    const at = failsAfter({ rules: { ...rules, ...adjust }, limit }, blocks);
    if (at !== undefined) times.push(at);
  }
  times.sort((a, b) => a - b);
  const quantile = (q: number): number | undefined => times[Math.ceil(q * runs) - 1];
  return { medianMs: quantile(0.5), p95Ms: quantile(0.95), share: times.length / runs };
}

function failsAfter({ rules, limit }: Test, blocks: Iterable<Tick>): number | undefined {
  const needed = Math.log(1 / rules.alpha);
  let sums = NO_SUMS;
  let bad = 0;
  for (const { elapsedMs, candidate, stable } of blocks) {
    sums = addBlock(sums, candidate, limit === undefined ? stable : KNOWN_LIMIT, 1);
    bad += candidate.bad;
    // Only a bad request adds evidence, so that nothing else can be the moment.
    if (candidate.bad === 0 || bad < rules.minimumBad) continue;
    if (logWorse(sums, (limit ?? 0) + rules.tolerance) >= needed) return elapsedMs;
  }
  return undefined;
}

/** Latency is taken for log-normal with this spread: the gate's own question is how many are slower than R × the old p95. */
const LATENCY_SPREAD = 0.5;
const SLOW_SHARE = 1 - QUANTILE;

/** How long it takes to see that the candidate's p95 is `ratio` times stable's (G2 of judge.md §2), on buckets fine enough to tell. */
export function latencyDetection(
  look: Look,
  { requestsPerSecond }: Pick<Traffic, 'requestsPerSecond'>,
  ratio: number,
): Detection {
  const slower = upperTail(Z95 + Math.log(look.gate.tolerance / ratio) / LATENCY_SPREAD);
  return detection(look, { requestsPerSecond, stableRate: SLOW_SHARE }, slower, { tolerance: 0, minimumBad: 0 });
}

const Z95 = 1.6448536;

/** Share of a normal law above z, to 1e-7 (Abramowitz and Stegun 26.2.17). */
function upperTail(z: number): number {
  if (z < 0) return 1 - upperTail(-z);
  const t = 1 / (1 + 0.2316419 * z);
  const factors = [0.31938153, -0.356563782, 1.781477937, -1.821255978, 1.330274429];
  const sum = factors.reduceRight((total, factor) => (total + factor) * t, 0);
  return (Math.exp((-z * z) / 2) / Math.sqrt(2 * Math.PI)) * sum;
}

/** Share of healthy releases that the literal rule (mode `threshold`) rolls back at this step. */
export function literalFalseAlarms(look: Look, traffic: Traffic): number {
  const { rules, limit } = testOf(look, traffic);
  const random = randomFrom(3);
  const drawn = { candidateRate: traffic.stableRate, everyMs: look.tickMs, untilMs: rules.soakMs, random };
  const isRolledBack = (): boolean => {
    const sides = { requests: 0, bad: 0, stableRequests: 0, stableBad: 0 };
    let streak = 0;
    for (const { elapsedMs, candidate, stable } of blocksOf(look, traffic, drawn)) {
      sides.requests += candidate.requests;
      sides.bad += candidate.bad;
      sides.stableRequests += stable.requests;
      sides.stableBad += stable.bad;
      const { requests, bad } = sides;
      const stableRequests = limit === undefined ? sides.stableRequests : Infinity;
      const over = bad / requests - (limit ?? sides.stableBad / sides.stableRequests) > rules.tolerance;
      const step = literal(rules, { elapsedMs, requests, bad, stableRequests, stableRate: 0 }, over, true, streak);
      if (step.finding.verdict === 'fail') return true;
      streak = step.streak;
    }
    return false;
  };
  return Array.from({ length: RUNS }, isRolledBack).filter(Boolean).length / RUNS;
}
