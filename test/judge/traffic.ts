/** Simulated traffic for the judge: fixed random numbers, two revisions with known error rates and latencies, cumulative readings. */
import type { GatePolicy, StepPolicy } from '../../src/domain/policy.js';
import type { Reading, Sample } from '../../src/domain/reading.js';
import { combine, type Evidence, type GateName, type GateVerdict } from '../../src/domain/verdict.js';
import { judge, openEvidence } from '../../src/judge/judge.js';
import { arrivals, randomFrom } from '../../src/judge/random.js';

const TOLERANCES: Readonly<Record<string, number>> = {
  errors: 0.0005,
  latency: 1.1,
  'cold-starts': 0.05,
  'queue-age': 30,
  drift: 0.03,
  dedupe: 0.001,
};

export function gate(name: GateName, changes: Partial<GatePolicy> = {}): GatePolicy {
  return { gate: name, mode: 'sequential', tolerance: TOLERANCES[name] ?? 0.01, required: false, consecutive: 3, ...changes };
}

export const FIVE_GATES: readonly GatePolicy[] = [
  gate('errors'),
  gate('latency'),
  gate('cold-starts'),
  gate('queue-age'),
  gate('dedupe'),
];

export function policy(changes: Partial<StepPolicy> = {}): StepPolicy {
  return {
    gates: FIVE_GATES,
    alpha: 0.01,
    beta: 0.05,
    minimumRequests: 50,
    staleMs: 20_000,
    badRequestsBudget: 'auto',
    weightBp: 500,
    soakMs: 600_000,
    judgedSteps: 5,
    earlierEntries: 0,
    next: { weightBp: 2_500, soakMs: 600_000 },
    ...changes,
  };
}

/** The last step: everybody on the candidate, nothing follows. */
export function lastStep(changes: Partial<StepPolicy> = {}): StepPolicy {
  const { next, ...rest } = policy({ weightBp: 10_000, ...changes });
  return changes.next === undefined || next === undefined ? rest : { ...rest, next };
}

export function sample<T>(elapsedMs: number, value: T, ageMs = 1_000): Sample<T> {
  return { at: elapsedMs, ageMs, elapsedMs, value };
}

export const BOUNDS_MS: readonly number[] = Array.from({ length: 40 }, (_, k) => 25 * 1.1 ** k);

export { randomFrom, arrivals as poisson };

export interface World {
  readonly rps: number;
  readonly stableErrorRate: number;
  readonly candidateErrorRate: number;
  /** Median of the candidate's latency ÷ stable's. */
  readonly latencyRatio: number;
}

/** Share of a lognormal(median 100 ms × ratio, sigma 0.5) in each bucket. */
function sharesOf(ratio: number): readonly number[] {
  const below = BOUNDS_MS.map((bound) => 1 / (1 + Math.exp((-1.702 * Math.log(bound / (100 * ratio))) / 0.5)));
  return [...below.map((share, k) => share - (below[k - 1] ?? 0)), 1 - (below.at(-1) ?? 0)];
}

/** Cumulative readings of a step, tick by tick. */
export function* readingsOf(world: World, weight: number, tickMs: number, random: () => number): Generator<Reading, never> {
  const sides = { stable: { requests: 0, bad: 0 }, candidate: { requests: 0, bad: 0 } };
  const counts = { stable: BOUNDS_MS.map(() => 0).concat(0), candidate: BOUNDS_MS.map(() => 0).concat(0) };
  const shares = { stable: sharesOf(1), candidate: sharesOf(world.latencyRatio) };
  const rates = { stable: world.stableErrorRate, candidate: world.candidateErrorRate };
  for (let elapsedMs = tickMs; ; elapsedMs += tickMs) {
    for (const side of ['stable', 'candidate'] as const) {
      const expected = world.rps * (tickMs / 1000) * (side === 'candidate' ? weight : 1 - weight);
      let requests = 0;
      counts[side] = counts[side].map((count, k) => {
        const more = arrivals(random, expected * (shares[side][k] ?? 0));
        requests += more;
        return count + more;
      });
      sides[side] = {
        requests: sides[side].requests + requests,
        bad: sides[side].bad + Math.min(requests, arrivals(random, requests * rates[side])),
      };
    }
    yield {
      errors: sample(elapsedMs, { stable: { ...sides.stable }, candidate: { ...sides.candidate } }),
      latency: sample(elapsedMs, { boundsMs: BOUNDS_MS, counts: { stable: counts.stable, candidate: counts.candidate } }),
      coldStarts: sample(elapsedMs, { stable: { ...sides.stable, bad: 0 }, candidate: { ...sides.candidate, bad: 0 } }),
      queueAgeS: sample(elapsedMs, 2 + 3 * random()),
      dedupe: sample(elapsedMs, { replays: 0, misses: 0, duplicateEffects: 0 }),
    };
  }
}

export interface Profile {
  readonly stepsBp: readonly number[];
  readonly soakMs: number;
  readonly bakeMs: number;
  readonly soakMaxMs: number;
  readonly tickMs: number;
  readonly minimumRequests: number;
}

export const REHEARSAL: Profile = {
  stepsBp: [100, 500, 2_500, 5_000, 10_000],
  soakMs: 5_000,
  bakeMs: 5_000,
  soakMaxMs: 60_000,
  tickMs: 1_000,
  minimumRequests: 20,
};
export const STANDARD: Profile = {
  stepsBp: [100, 500, 2_500, 5_000, 10_000],
  soakMs: 600_000,
  bakeMs: 1_800_000,
  soakMaxMs: 3_600_000,
  tickMs: 5_000,
  minimumRequests: 50,
};

export type Ending =
  | { readonly kind: 'promoted' }
  | {
      readonly kind: 'failed' | 'held';
      readonly atBp: number;
      readonly elapsedMs: number;
      readonly verdicts: readonly GateVerdict[];
    };

/** A whole rollout as the workflow drives it: a step is left on the first pass, or when `soakMaxMs` is over. */
export function rollOut(world: World, profile: Profile, random: () => number, gates: readonly GatePolicy[] = FIVE_GATES): Ending {
  let evidence: Evidence | undefined;
  for (const [k, weightBp] of profile.stepsBp.entries()) {
    const nextBp = profile.stepsBp[k + 1];
    const soakOf = (bp: number): number => (bp === 10_000 ? profile.bakeMs : profile.soakMs);
    const common = {
      gates,
      weightBp,
      soakMs: soakOf(weightBp),
      minimumRequests: profile.minimumRequests,
      judgedSteps: profile.stepsBp.length,
    };
    const step =
      nextBp === undefined ? lastStep(common) : policy({ ...common, next: { weightBp: nextBp, soakMs: soakOf(nextBp) } });
    evidence = openEvidence(step, evidence);
    let elapsedMs = 0;
    for (const reading of readingsOf(world, weightBp / 10_000, profile.tickMs, random)) {
      const judged = judge(step, evidence, reading);
      evidence = judged.evidence;
      elapsedMs += profile.tickMs;
      const verdict = combine(judged.verdicts);
      if (verdict === 'pass') break;
      if (verdict === 'fail') return { kind: 'failed', atBp: weightBp, elapsedMs, verdicts: judged.verdicts };
      if (elapsedMs >= profile.soakMaxMs) return { kind: 'held', atBp: weightBp, elapsedMs, verdicts: judged.verdicts };
    }
  }
  return { kind: 'promoted' };
}
