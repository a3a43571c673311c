/** The golden vectors of the reference implementation (judge.md): at every tick the verdict, its reason and all numbers. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import type { ErrorCounts, LatencyHistogram, PerRevision, RateCounts, Sample } from '../../src/domain/reading.js';
import { combine, type GateVerdict, type Verdict } from '../../src/domain/verdict.js';
import { shareOf, spend } from '../../src/judge/alpha.js';
import { quantile } from '../../src/judge/buckets.js';
import { harm } from '../../src/judge/budget.js';
import type { Rules } from '../../src/judge/decide.js';
import { openDifference, stepDifference } from '../../src/judge/difference.js';
import { dispersionFor, learnOverTime, NOTHING_LEARNT, pearson, type Dispersion } from '../../src/judge/dispersion.js';
import { openGrowth, stepGrowth } from '../../src/judge/growth.js';
import { NOTHING_SEEN, stepOneSample } from '../../src/judge/one-sample.js';
import { findDrift } from '../../src/judge/paired-drift.js';
import { addBlock, logNotWorse, logWorse, lowerBound, NO_SUMS, upperBound } from '../../src/judge/primitive.js';
import { choose, OPEN_SLOW, stepSlow } from '../../src/judge/slow-requests.js';

/** What the reference calls a thing → what Sluice calls it. */
const REASONS: Readonly<Record<string, string>> = {
  lcb: 'worse',
  certified: 'certified',
  budget: 'accepted-by-budget',
  soaking: 'soaking',
  samples: 'too-few-requests',
  uncertain: 'uncertain',
  stale: 'stale',
  invalid: 'invalid',
  'no-baseline': 'no-baseline',
  'no-canary': 'no-canary',
  range: 'out-of-range',
  growth: 'growth',
  trend: 'trend',
  'no-growth': 'no-growth',
  duplicate: 'duplicate-effect',
  latched: 'latched',
};

interface Tick {
  readonly t?: unknown;
  readonly age?: unknown;
  readonly canary?: unknown;
  readonly stable?: unknown;
  readonly q?: unknown;
  readonly dup?: unknown;
}
type Expected = Readonly<Record<string, unknown>> & { readonly verdict: Verdict; readonly reason: string };
interface Case {
  readonly id: string;
  readonly gate: string;
  readonly config?: Readonly<Record<string, unknown>> | null;
  readonly ticks?: readonly (Tick | null)[];
  readonly input?: unknown;
  readonly expect: unknown;
}

const file = process.env['JUDGE_VECTORS'] ?? new URL('vectors.json', import.meta.url);
const { cases } = JSON.parse(readFileSync(file, 'utf8')) as { readonly cases: readonly Case[] };

assert.ok(cases.length > 0, 'no cases');
for (const vector of cases) {
  test(`${vector.gate} agrees with the reference: ${vector.id}`, () => {
    const check = CHECKS[vector.gate];
    assert.ok(check, `no check for ${vector.gate}`);
    check(vector);
  });
}

function isNear(actual: unknown, expected: unknown): boolean {
  if (expected === null || expected === undefined) return actual === undefined || actual === null;
  if (typeof expected !== 'number' || typeof actual !== 'number') return actual === expected;
  return Math.abs(actual - expected) <= 1e-6 * Math.max(1, Math.abs(expected));
}

function assertNear(actual: Readonly<Record<string, unknown>>, expected: Readonly<Record<string, unknown>>, where: string): void {
  for (const [key, value] of Object.entries(expected)) {
    const pairs: readonly (readonly [unknown, unknown])[] = Array.isArray(value)
      ? value.map((item, k) => [(actual[key] as readonly unknown[])[k], item])
      : [[actual[key], value]];
    for (const [got, wanted] of pairs)
      assert.ok(isNear(got, wanted), `${where}: ${key} is ${String(got)}, the reference says ${String(wanted)}`);
  }
}

const numberOr = (value: unknown, fallback: number): number => (typeof value === 'number' ? value : fallback);

function rulesFrom(config: Readonly<Record<string, unknown>>): Rules {
  const number = (key: string, fallback: number): number => numberOr(config[key], fallback);
  const badRequests = config['budget'];
  return {
    alpha: number('alpha', 5e-4),
    beta: number('beta', 0.05),
    tolerance: number('tol', 0.0005),
    minimumRequests: number('min_n', 50),
    minimumStableRequests: 0,
    minimumBad: number('min_events', 3),
    staleMs: number('stale', 15) * 1000,
    soakMs: number('soak', 600) * 1000,
    noTrafficAfterMs: number('no_traffic_after', 60) * 1000,
    weight: number('weight', 0.01),
    passUnlessWorse: false,
    ...(typeof badRequests === 'number' && {
      budget: () => ({
        badRequests,
        next: { requests: number('n_next', 0), ratio: number('rho_next', 0), stops: config['stop_next'] !== false },
      }),
    }),
  };
}

/** A tick's sample with whatever it holds, right or wrong; null is no sample. */
function sampleOf<T>(tick: Tick | null, value: (tick: Tick) => unknown): Sample<T> | undefined {
  if (tick === null) return undefined;
  const milliseconds = (seconds: unknown): unknown => (typeof seconds === 'number' ? seconds * 1000 : seconds);
  return {
    at: 0,
    elapsedMs: milliseconds(tick.t),
    ageMs: tick.age === undefined ? 0 : milliseconds(tick.age),
    value: value(tick),
  } as Sample<T>;
}

/** The reference has no word for a sample that is not there. */
const reasonOf = (tick: Tick | null, reason: string): string | undefined =>
  tick === null && reason === 'stale' ? 'missing' : REASONS[reason];

function sideOf(side: unknown): unknown {
  if (typeof side !== 'object' || side === null || Array.isArray(side)) return side;
  const { n, e, by } = side as { n?: unknown; e?: unknown; by?: Readonly<Record<string, unknown>> };
  const byReplica = by && Object.fromEntries(Object.entries(by).map(([name, replica]) => [name, sideOf(replica)]));
  return { requests: n, bad: e, ...(byReplica && { byReplica }) };
}

function ticksOf(vector: Case): readonly (readonly [Tick | null, Expected, string])[] {
  const expected = vector.expect as readonly Expected[];
  const ticks = vector.ticks ?? [];
  assert.equal(ticks.length, expected.length);
  return ticks.map((tick, k) => {
    const wanted = expected[k];
    assert.ok(wanted);
    return [tick, wanted, `${vector.id} tick ${String(k)}`];
  });
}

function checkDifference(vector: Case): void {
  const config = vector.config ?? {};
  const [Q = 0, E = 0, N = 0, T = 0] = (config['icc'] as readonly number[] | undefined) ?? [];
  const dispersion = config['dispersion'];
  const rules = {
    ...rulesFrom(config),
    minimumBlock: numberOr(config['min_block'], 1),
    ...(typeof dispersion === 'number' && { dispersion }),
  };
  let state = openDifference([Q, E, N, T, 0, 0, 0, 0]);
  for (const [tick, expected, where] of ticksOf(vector)) {
    const stepped = stepDifference(
      rules,
      state,
      sampleOf<PerRevision<ErrorCounts>>(tick, ({ canary, stable }) => ({ candidate: sideOf(canary), stable: sideOf(stable) })),
    );
    state = stepped.state;
    const { verdict, reason, bounds } = stepped.finding;
    const actual = {
      verdict,
      reason,
      lcb: bounds.lower,
      ucb: bounds.upper,
      logE: bounds.logEvidence,
      harm: stepped.finding.harm,
    };
    assertNear(actual, { ...expected, reason: reasonOf(tick, expected.reason) }, where);
  }
}

function checkOneSample(vector: Case): void {
  const config = vector.config ?? {};
  const rules = { ...rulesFrom(config), dispersion: numberOr(config['phi'], 1), warmUpMs: numberOr(config['warmup'], 0) * 1000 };
  let state = NOTHING_SEEN;
  for (const [tick, expected, where] of ticksOf(vector)) {
    const stepped = stepOneSample(
      rules,
      state,
      sampleOf<RateCounts>(tick, ({ canary }) => sideOf(canary)),
      tick?.dup ? 1 : 0,
    );
    state = stepped.state;
    const { verdict, reason, bounds } = stepped.finding;
    const actual = {
      verdict,
      reason,
      lcb: bounds.lower,
      ucb: bounds.upper,
      logE: bounds.logEvidence,
      harm: stepped.finding.harm,
    };
    assertNear(actual, { ...expected, reason: reasonOf(tick, expected.reason) }, where);
  }
}

function checkLatency(vector: Case): void {
  const config = { tol: 0, alpha: 3.75e-4, ...vector.config } as Readonly<Record<string, unknown>>;
  const bounds = config['bounds'] as readonly number[];
  const prior = config['prior'] as readonly number[] | null | undefined;
  const dispersion = config['dispersion'];
  const rules = {
    ...rulesFrom(config),
    ratio: numberOr(config['R'], 1.1),
    ...(typeof dispersion === 'number' && { dispersion }),
  };
  const [Q = 0, E = 0, N = 0, T = 0] = (config['icc'] as readonly number[] | undefined) ?? [];
  const opened = { ...OPEN_SLOW, dispersion: [Q, E, N, T, 0, 0, 0, 0] as Dispersion };
  let state = prior ? choose(opened, bounds, rules.ratio, prior) : opened;
  for (const [tick, expected, where] of ticksOf(vector)) {
    const sample = sampleOf<LatencyHistogram>(tick, ({ canary, stable }) => ({
      boundsMs: bounds,
      counts: { candidate: canary, stable },
    }));
    const stepped = stepSlow(rules, state, sample, bounds);
    state = stepped.state;
    const { finding } = stepped;
    const actual = {
      verdict: finding.verdict,
      reason: finding.reason,
      lcb: finding.bounds.lower,
      ucb: finding.bounds.upper,
      logE: finding.bounds.logEvidence,
      harm: finding.harm,
      p95: [finding.candidateP95, finding.stableP95],
      x: finding.x,
      Reff: finding.realRatio,
    };
    assertNear(actual, { ...expected, reason: reasonOf(tick, expected.reason) }, where);
  }
}

function checkGrowth(vector: Case): void {
  const config = vector.config ?? {};
  const number = (key: string, fallback: number): number => numberOr(config[key], fallback);
  const rules = {
    toleranceS: number('tau', 30),
    highs: number('m', 4),
    soakMs: number('soak', 600) * 1000,
    staleMs: number('stale', 15) * 1000,
    minimumPoints: number('min_points', 10),
    blocks: number('blocks', 6),
  };
  let state = openGrowth(number('ref', 0));
  for (const [tick, expected, where] of ticksOf(vector)) {
    const stepped = stepGrowth(
      rules,
      state,
      sampleOf<number>(tick, ({ q }) => q),
    );
    state = stepped.state;
    const { verdict, reason, thresholdS } = stepped.finding;
    // The reference says stale of an age that is impossible, too.
    const blind = ['stale', 'invalid', 'missing'].includes(reason) ? 'stale' : reason;
    assertNear({ verdict, reason: blind, thr: thresholdS }, { ...expected, reason: REASONS[expected.reason] }, where);
  }
}

const CHECKS: Readonly<Record<string, (vector: Case) => void>> = {
  G1: checkDifference,
  G2: checkLatency,
  G3: checkOneSample,
  G6: checkOneSample,
  G4: checkGrowth,
  G5: ({ input, expect, id }) => {
    const { reason, ...expected } = expect as Expected;
    const found = findDrift({ minimumDifferences: 20, medianTolerance: 0.03, p95Tolerance: 0.1 }, input);
    assertNear({ ...found }, expected, id);
    if (reason !== 'drift') assert.equal(found.reason, REASONS[reason]);
    else assert.equal(found.reason, expected.verdict === 'pass' ? 'within-tolerance' : 'over-tolerance');
  },
  diff: ({ input, expect, id }) => {
    const {
      blocks_n1_e1_n0_e0_phi: blocks,
      alpha,
      beta,
      d,
    } = input as {
      blocks_n1_e1_n0_e0_phi: readonly (readonly [number, number, number, number, number])[];
      alpha: number;
      beta: number;
      d: number;
    };
    const sums = blocks.reduce(
      (so, [n1, e1, n0, e0, phi]) => addBlock(so, { requests: n1, bad: e1 }, { requests: n0, bad: e0 }, phi),
      NO_SUMS,
    );
    assertNear(
      { lcb: lowerBound(sums, alpha), ucb: upperBound(sums, beta), logFail: logWorse(sums, d), logCert: logNotWorse(sums, d) },
      expect as Expected,
      id,
    );
  },
  alpha: ({ input, expect }) => {
    const [gate, steps, retry, alpha] = input as [string, number, number, number];
    const names = { G1: 'errors', G2: 'latency', G3: 'cold-starts', G4: 'queue-age', G6: 'dedupe' } as const;
    assert.ok(isNear(spend(alpha, shareOf(names[gate as keyof typeof names]), steps, retry), expect));
  },
  harm: ({ input, expect, id }) => {
    const [upper, stableRate, ratio, requests, tolerance, alpha] = input as [number, number, number, number, number, number];
    const harmIf = (stops: boolean): number => harm(upper, { requests, ratio, stops }, { stableRate, tolerance, alpha });
    assertNear({ stop: harmIf(true), nostop: harmIf(false) }, expect as Expected, id);
  },
  quantile: ({ input, expect }) => {
    const { bounds, counts, q } = input as { bounds: readonly number[]; counts: readonly number[]; q: number };
    assert.ok(isNear(quantile(bounds, counts, q), expect));
  },
  icc: ({ input, expect, id }) => {
    const {
      stable_ticks: ticks,
      n1,
      n0,
    } = input as { stable_ticks: readonly (readonly [number, number])[]; n1: number; n0: number };
    const learnt = ticks.reduce((so, [requests, bad]) => learnOverTime(so, { requests, bad }), NOTHING_LEARNT);
    assertNear({ pearson: pearson(learnt), phi: dispersionFor(learnt, n1, n0) }, expect as Expected, id);
  },
  combine: ({ input, expect }) => {
    assert.equal(combine((input as readonly Verdict[]).map((verdict) => ({ verdict, decisive: true }) as GateVerdict)), expect);
  },
};
