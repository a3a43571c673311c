/** Identical releases whose errors are not independent (judge.md 4.3), outages that hit both sides, and a busy queue (judge.md 4.6). */
import type { StepPolicy } from '../../src/domain/policy.js';
import type { Reading } from '../../src/domain/reading.js';
import type { Evidence } from '../../src/domain/verdict.js';
import { judge, openEvidence } from '../../src/judge/judge.js';
import { learn } from '../../src/judge/look-back.js';
import { experiment, markdown, medianMs, percent, seconds, shareOf } from './experiment.js';
import { ERROR_STEPS, RATES } from './identical.js';
import { LOOK_BACK_BLOCK_MS, LOOK_BACK_MS, planOf, STANDARD, stepsOf } from './policies.js';
import { BURST_CELLS, type BurstCell } from './references.js';
import type { Random } from './random.js';
import {
  add,
  BOUNDS_MS,
  clusters,
  commonOutages,
  histogram,
  latencies,
  NOTHING,
  outages,
  plus,
  queue,
  sample,
  sideNoise,
  ticks,
  type Pattern,
} from './streams.js';

const TICK_MS = STANDARD.tickMs;
/** How much of stable's past is learnt from, in blocks of which length. */
interface LookBack {
  readonly spanMs: number;
  readonly blockMs: number;
}

const NO_LOOK_BACK: LookBack = { spanMs: 0, blockMs: TICK_MS };
const DEFAULT_LOOK_BACK: LookBack = { spanMs: LOOK_BACK_MS, blockMs: LOOK_BACK_BLOCK_MS };
/** That of judge.md 4.3. */
const LOOK_BACK_BY_TICKS: LookBack = { spanMs: 600_000, blockMs: TICK_MS };
const LOOK_BACKS = [DEFAULT_LOOK_BACK, LOOK_BACK_BY_TICKS, NO_LOOK_BACK];

const told = ({ spanMs, blockMs }: LookBack): string =>
  spanMs === 0 ? 'no look-back' : `look-back ${spanMs / 60_000} min in blocks of ${blockMs / 1_000} s`;

/** The next cumulative reading of a step that has just begun at `weight`. */
type Source = (weight: number) => () => Reading;

/** Whether any step fails; before the first one the gates look back, where they are given a time to. */
function fails(steps: readonly StepPolicy[], source: Source, { spanMs, blockMs }: LookBack): boolean {
  const past = Array.from({ length: spanMs / TICK_MS }, source(0));
  let evidence: Evidence = learn(steps[0]!, [past.filter((_, k) => ((k + 1) * TICK_MS) % blockMs === 0)]);
  for (const step of steps) {
    const next = source(step.weightBp / 10_000);
    evidence = openEvidence(step, evidence);
    for (let elapsedMs = TICK_MS; elapsedMs <= step.soakMs; elapsedMs += TICK_MS) {
      const judged = judge(step, evidence, next());
      evidence = judged.evidence;
      if (judged.verdicts.some(({ verdict }) => verdict === 'fail')) return true;
    }
  }
  return false;
}

function errorsOnly(random: Random, pattern: Pattern, rps: number): Source {
  return (weight) => {
    const next = ticks(random, pattern, rps, weight, TICK_MS);
    let [sofar, elapsedMs] = [NOTHING, 0];
    return () => {
      sofar = plus(sofar, next());
      elapsedMs += TICK_MS;
      return { errors: sample(elapsedMs, sofar) };
    };
  };
}

const patternOf = (random: Random, { pattern, errorRate, size }: BurstCell): Pattern =>
  pattern === 'side' ? sideNoise(random, errorRate, size) : clusters(random, errorRate, size);

type Burst = BurstCell & { readonly lookBack: LookBack };

const describe = ({ pattern, size }: BurstCell): string =>
  pattern === 'side' ? `a rate of its own per side and tick, correlation ${size}` : `${size} at once`;
const promised = ({ lookBack, falseShare, falseShareWithoutLookBack }: Burst): number =>
  lookBack === NO_LOOK_BACK ? falseShareWithoutLookBack : falseShare;

export const bursts = experiment<Burst, boolean>({
  name: 'bursts',
  title: 'Identical releases with errors in bursts, rolled back for errors over four steps',
  runs: { full: 300, quick: 2 },
  cells: BURST_CELLS.flatMap((cell) => LOOK_BACKS.map((lookBack) => ({ ...cell, lookBack }))),
  run: (cell, random) => fails(ERROR_STEPS, errorsOnly(random, patternOf(random, cell), cell.rps), cell.lookBack),
  report: (cells) => {
    const rows = cells.map(({ cell, outcomes }) => ({
      rps: cell.rps,
      errorRate: cell.errorRate,
      bursts: describe(cell),
      lookBack: told(cell.lookBack),
      runs: outcomes.length,
      share: shareOf(outcomes, (failed) => failed),
      judgeMd: promised(cell),
    }));
    return {
      rows,
      table: markdown(
        ['requests/s', 'error rate', 'bursts', ...LOOK_BACKS.flatMap((lookBack) => [told(lookBack), 'judge.md'])],
        BURST_CELLS.map((cell, k) => [
          String(cell.rps),
          percent(cell.errorRate),
          describe(cell),
          ...rows
            .slice(k * LOOK_BACKS.length, (k + 1) * LOOK_BACKS.length)
            .flatMap(({ share, judgeMd }) => [percent(share), percent(judgeMd)]),
        ]),
      ),
      bounds: rows.map(({ rps, errorRate, bursts: pattern, lookBack, runs, share, judgeMd }) => ({
        what: `bursts (${pattern}), ${rps} requests/s, ${percent(errorRate)}, ${lookBack}: false rollback ≤ ${percent(judgeMd)}`,
        found: percent(share),
        held: share <= judgeMd,
        byChance: isChance(share, runs, judgeMd),
      })),
    };
  },
});

const RUNS_OF_JUDGE_MD = 1_000;

/** Whether two shares of so many runs each may well come from one chance (two standard errors). */
function isChance(share: number, runs: number, reference: number): boolean {
  const pooled = (share * runs + reference * RUNS_OF_JUDGE_MD) / (runs + RUNS_OF_JUDGE_MD);
  return share > reference && share - reference <= 2 * Math.sqrt(pooled * (1 - pooled) * (1 / runs + 1 / RUNS_OF_JUDGE_MD));
}

const ERRORS_AND_LATENCY: readonly StepPolicy[] = stepsOf(STANDARD)
  .slice(0, -1)
  .map((step) => ({ ...step, gates: step.gates.filter(({ gate }) => gate === 'errors' || gate === 'latency') }));

/** In an outage answers are also four times as slow, on both sides. */
function hitBoth(random: Random, rps: number): Source {
  const [calm, slow] = [latencies(1), latencies(4)];
  const severity = outages(random);
  return (weight) => {
    let now = 0;
    const next = ticks(
      random,
      commonOutages(random, 0.001, () => now),
      rps,
      weight,
      TICK_MS,
    );
    let [sofar, elapsedMs] = [NOTHING, 0];
    let counts = { stable: calm.map(() => 0), candidate: calm.map(() => 0) };
    return () => {
      now = severity();
      const tick = next();
      sofar = plus(sofar, tick);
      elapsedMs += TICK_MS;
      const shares = now > 0 ? slow : calm;
      counts = {
        stable: add(counts.stable, histogram(random, shares, tick.stable.requests)),
        candidate: add(counts.candidate, histogram(random, shares, tick.candidate.requests)),
      };
      return { errors: sample(elapsedMs, sofar), latency: sample(elapsedMs, { boundsMs: BOUNDS_MS, counts }) };
    };
  };
}

export const commonMode = experiment<{ readonly rps: number }, boolean>({
  name: 'common-mode',
  title: 'Outages that hit both sides (errors and latency, about one in ten minutes), error rate 0.1 %',
  runs: { full: 1_000, quick: 2 },
  cells: RATES.map((rps) => ({ rps })),
  run: ({ rps }, random) => fails(ERRORS_AND_LATENCY, hitBoth(random, rps), NO_LOOK_BACK),
  report: (cells) => {
    const rows = cells.map(({ cell, outcomes }) => ({
      ...cell,
      runs: outcomes.length,
      share: shareOf(outcomes, (failed) => failed),
    }));
    return {
      rows,
      table: markdown(
        ['requests/s', 'runs', 'rolled back'],
        rows.map(({ rps, runs, share }) => [String(rps), String(runs), percent(share)]),
      ),
      bounds: rows.map(({ rps, runs, share }) => ({
        what: `outages on both sides, ${rps} requests/s: no false rollback in ${runs} runs`,
        found: percent(share),
        held: share === 0,
      })),
    };
  },
});

interface Busy {
  readonly utilisation: number;
  /** tau: seconds. 30 is the default. */
  readonly tolerance: number;
  /** Seconds by which the age grows every second; 0: the queue is only busy. */
  readonly growth: number;
  readonly lookBack: LookBack;
}

const TOLERANCES = [30, 45, 60];

const queueSteps = (tolerance: number): readonly StepPolicy[] =>
  stepsOf(planOf({ gates: { queueAge: { tolerance: `${tolerance}s` } } })).map((step) => ({
    ...step,
    gates: step.gates.filter(({ gate }) => gate === 'queue-age'),
  }));
const QUEUE_STEPS = Object.fromEntries(TOLERANCES.map((tolerance) => [tolerance, queueSteps(tolerance)]));

/** When it fails, in milliseconds since the first user; null: never. */
export const busyQueue = experiment<Busy, number | null>({
  name: 'queue',
  title:
    'The queue gate on a queue that is only busy (M/M/1, half a second a message; whole rollout), and on one that grows by 1 s a second',
  runs: { full: 500, quick: 2 },
  cells: [
    ...[DEFAULT_LOOK_BACK, NO_LOOK_BACK].flatMap((lookBack) =>
      [0.8, 0.9].flatMap((utilisation) => TOLERANCES.map((tolerance) => ({ utilisation, tolerance, growth: 0, lookBack }))),
    ),
    ...TOLERANCES.map((tolerance) => ({ utilisation: 0.9, tolerance, growth: 1, lookBack: DEFAULT_LOOK_BACK })),
  ],
  run: ({ utilisation, tolerance, growth, lookBack }, random) => {
    const age = queue(random, utilisation);
    let grown = 0;
    let elapsedMs = 0;
    const source: Source = (weight) => {
      let stepMs = 0;
      return () => {
        stepMs += TICK_MS;
        if (weight > 0) {
          grown += (growth * TICK_MS) / 1_000;
          elapsedMs += TICK_MS;
        }
        return { queueAgeS: sample(stepMs, age(TICK_MS) + grown) };
      };
    };
    return fails(QUEUE_STEPS[tolerance]!, source, lookBack) ? elapsedMs : null;
  },
  report: (cells) => {
    const rows = cells.map(({ cell: { lookBack, ...cell }, outcomes }) => ({
      ...cell,
      lookBack: told(lookBack),
      runs: outcomes.length,
      share: shareOf(outcomes, (at) => at !== null),
      median: medianMs(outcomes) ?? null,
    }));
    return {
      rows,
      table: markdown(
        ['queue', 'utilisation', 'tolerance', 'look-back', 'failed', 'median'],
        rows.map(({ utilisation, tolerance, growth, lookBack, share, median }) => [
          growth > 0 ? 'grows' : 'only busy',
          percent(utilisation),
          `${tolerance} s`,
          lookBack,
          percent(share),
          growth > 0 ? `${seconds(median ?? undefined)} s` : '–',
        ]),
      ),
      bounds: [],
    };
  },
});
