/** How soon a worse release is found (judge.md 4.2, 4.4), and what a total failure takes. */
import type { Reading } from '../../src/domain/reading.js';
import type { StepPolicy } from '../../src/domain/policy.js';
import type { Evidence, GateName } from '../../src/domain/verdict.js';
import { judge, openEvidence } from '../../src/judge/judge.js';
import {
  experiment,
  leastMedianMs,
  markdown,
  medianMs,
  percent,
  quantileMs,
  seconds,
  shareOf,
  type Bound,
} from './experiment.js';
import { alone, defaultAlpha, STANDARD, stepsOf } from './policies.js';
import { RIVALS, type RivalName } from './rivals.js';
import { ERROR_CELLS, LATENCY_CELLS, type ErrorCell, type LatencyCell } from './references.js';
import { add, BOUNDS_MS, histogram, independent, latencies, NOTHING, plus, sample, ticks } from './streams.js';

/** The alphas of judge.md's tables. */
const TABLES_ALPHA = { errors: 5e-4, latency: 3.75e-4 } as const;
const TICK_MS = STANDARD.tickMs;
const SOAK_MS = 600_000;
const [FIRST] = stepsOf(STANDARD) as [StepPolicy];

const names = Object.keys(RIVALS) as RivalName[];
const MANN_WHITNEY_RUNS = 40;

/** A gate under several policies that differ in alpha, the largest first, over the same readings: when each first fails. */
class Race {
  readonly times: (number | null)[];
  #evidence: Evidence;
  #running = 0;

  constructor(
    readonly policies: readonly StepPolicy[],
    evidence: Evidence,
  ) {
    this.times = policies.map(() => null);
    this.#evidence = evidence;
  }

  get isOver(): boolean {
    return this.#running === this.policies.length;
  }

  /** A smaller alpha fails no sooner, and evidence does not depend on alpha: so only one policy at a time has to be asked. */
  tick(elapsedMs: number, reading: Reading): void {
    while (!this.isOver) {
      const { verdicts, evidence } = judge(this.policies[this.#running]!, this.#evidence, reading);
      if (verdicts[0]?.verdict !== 'fail') {
        this.#evidence = evidence;
        return;
      }
      this.times[this.#running++] = elapsedMs;
    }
  }
}

const policiesAt = (gate: 'errors' | 'latency', weight: number): readonly StepPolicy[] =>
  [TABLES_ALPHA[gate], defaultAlpha(gate)].map((alpha) => alone({ ...FIRST, weightBp: weight * 10_000 }, gate, alpha));

interface Times {
  /** At judge.md's alpha, and at the product's default; null: not within the soak. */
  readonly tables: number | null;
  readonly product: number | null;
}

interface Foundation {
  readonly medianMs: number | undefined;
}

const RUNS_OF_JUDGE_MD = 300;

/** Not later than judge.md by more than one tick. */
function boundsOf<Cell extends Foundation>(
  cells: readonly { cell: Cell; outcomes: readonly Times[] }[],
  tell: (cell: Cell) => string,
): Bound[] {
  return cells.flatMap(({ cell, outcomes }) => {
    if (cell.medianMs === undefined) return [];
    const times = outcomes.map(({ tables }) => tables);
    const found = medianMs(times);
    return [
      {
        what: `${tell(cell)}: median time to fail ≤ ${seconds(cell.medianMs + TICK_MS)} s`,
        found: found === undefined ? 'not within the soak' : `${seconds(found)} s`,
        held: found !== undefined && found <= cell.medianMs + TICK_MS,
        byChance: leastMedianMs(times, RUNS_OF_JUDGE_MD) <= cell.medianMs + TICK_MS,
      },
    ];
  });
}

const timesOf = (times: readonly (number | null)[]) => ({
  median: medianMs(times) ?? null,
  p95: quantileMs(times, 0.95) ?? null,
  failed: shareOf(times, (time) => time !== null),
});
type Summary = ReturnType<typeof timesOf>;

/** As judge.md prints them: median/p95, and the share that failed where it is less than all. */
const shown = ({ median, p95, failed }: Summary): string =>
  `${seconds(median ?? undefined)}${p95 === null ? '' : `/${seconds(p95)}`}${failed < 1 && failed > 0 ? ` (${percent(failed)})` : ''}`;

type ErrorRow = Omit<ErrorCell, 'medianMs'> & {
  readonly runs: number;
  readonly judgeMdMedian: number | null;
  readonly tables: Summary;
  readonly product: Summary;
};

type ErrorTimes = Times & Partial<Record<RivalName, number | null>>;

export const detection = experiment({
  name: 'detection',
  title: 'Seconds to fail a release with more errors, within a soak of ten minutes',
  runs: { full: 300, quick: 2 },
  digest: (rows) =>
    pivot(
      (rows as readonly ErrorRow[]).filter(({ stable }) => stable === 0.001),
      [0.002, 0.005, 0.01, 0.02, 0.05, 0.2, 1].map((rate) => ({
        head: percent(rate),
        is: ({ candidate }) => candidate === rate,
      })),
    ),
  cells: ERROR_CELLS,
  run: ({ stable, candidate, weight, rps }, random, run): ErrorTimes => {
    const policies = policiesAt('errors', weight);
    const race = new Race(policies, openEvidence(policies[0]!));
    const next = ticks(random, independent(random, stable, candidate), rps, weight, TICK_MS);
    const rivals = names
      .filter((name) => name !== 'Mann-Whitney' || run < MANN_WHITNEY_RUNS)
      .map((name) => ({ name, rival: RIVALS[name]() }));
    const found: Partial<Record<RivalName, number | null>> = Object.fromEntries(rivals.map(({ name }) => [name, null]));
    let sofar = NOTHING;
    for (let elapsedMs = TICK_MS; elapsedMs <= SOAK_MS; elapsedMs += TICK_MS) {
      const tick = next();
      sofar = plus(sofar, tick);
      for (const { name, rival } of rivals) if (rival.fails(elapsedMs, tick)) found[name] ??= elapsedMs;
      if (!race.isOver) race.tick(elapsedMs, { errors: sample(elapsedMs, sofar) });
      if (race.isOver && Object.values(found).every((time) => time !== null)) break;
    }
    return { tables: race.times[0] ?? null, product: race.times[1] ?? null, ...found };
  },
  report: (cells) => {
    const rows = cells.map(({ cell: { medianMs: reference, ...cell }, outcomes }) => ({
      ...cell,
      runs: outcomes.length,
      judgeMdMedian: reference ?? null,
      tables: timesOf(outcomes.map(({ tables }) => tables)),
      product: timesOf(outcomes.map(({ product }) => product)),
      ...Object.fromEntries(
        names.map((name) => [name, timesOf(outcomes.flatMap((outcome) => (name in outcome ? [outcome[name] ?? null] : [])))]),
      ),
    })) as (ErrorRow & Record<RivalName, Summary>)[];
    return {
      rows,
      table: markdown(
        [
          'stable',
          'weight',
          'requests/s',
          'candidate',
          'judge.md',
          'Sluice, α 0.05 %',
          `Sluice, default α ${percent(defaultAlpha('errors'))}`,
          ...names,
        ],
        rows.map((row) => [
          percent(row.stable),
          percent(row.weight),
          String(row.rps),
          percent(row.candidate),
          row.judgeMdMedian === null ? '–' : seconds(row.judgeMdMedian),
          shown(row.tables),
          shown(row.product),
          ...names.map((name) => shown(row[name])),
        ]),
      ),
      bounds: boundsOf(
        cells,
        ({ stable, candidate, weight, rps }) =>
          `${percent(candidate)} errors against ${percent(stable)}, ${percent(weight)} of ${rps} requests/s`,
      ),
    };
  },
});

/** One line a weight and traffic, one column a size of what went wrong, at the product's default alpha. */
function pivot<Row extends { readonly weight: number; readonly rps: number; readonly product: Summary }>(
  rows: readonly Row[],
  columns: readonly { readonly head: string; readonly is: (row: Row) => boolean }[],
): string {
  const places = rows.filter(({ weight, rps }, k) => rows.findIndex((row) => row.weight === weight && row.rps === rps) === k);
  return markdown(
    ['weight', 'requests/s', ...columns.map(({ head }) => head)],
    places.map(({ weight, rps }) => {
      const here = rows.filter((row) => row.weight === weight && row.rps === rps);
      const cells = columns.map(({ is }) => here.find(is));
      return [percent(weight), String(rps), ...cells.map((row) => (row === undefined ? '' : shown(row.product)))];
    }),
  );
}

export const slowness = experiment({
  name: 'slowness',
  title:
    'Seconds to fail a slower release, within a soak of ten minutes (lognormal, median 100 ms, sigma 0.5; buckets of factor 1.1)',
  runs: { full: 300, quick: 2 },
  digest: (rows) =>
    pivot(
      rows as readonly (Omit<LatencyCell, 'medianMs'> & { readonly product: Summary })[],
      [1, 1.05, 1.1, 1.2, 1.5, 2].map((size) => ({ head: `p95 × ${size}`, is: ({ ratio }) => ratio === size })),
    ),
  cells: LATENCY_CELLS,
  run: ({ ratio, weight, rps }, random): Times => {
    const policies = policiesAt('latency', weight);
    const expected = (rps * TICK_MS) / 1_000;
    const shares = { stable: latencies(1), candidate: latencies(ratio) };
    const none = shares.stable.map(() => 0);
    // The look-back of ten minutes chooses the boundary.
    const before = histogram(random, shares.stable, rps * 600);
    const lookBack = { ...policies[0]!, weightBp: 0 };
    const known = judge(lookBack, openEvidence(lookBack), {
      latency: sample(600_000, { boundsMs: BOUNDS_MS, counts: { stable: before, candidate: none } }),
    }).evidence;
    const race = new Race(policies, openEvidence(policies[0]!, known));
    let counts = { stable: none, candidate: none };
    for (let elapsedMs = TICK_MS; elapsedMs <= SOAK_MS && !race.isOver; elapsedMs += TICK_MS) {
      counts = {
        stable: add(counts.stable, histogram(random, shares.stable, expected * (1 - weight))),
        candidate: add(counts.candidate, histogram(random, shares.candidate, expected * weight)),
      };
      race.tick(elapsedMs, { latency: sample(elapsedMs, { boundsMs: BOUNDS_MS, counts }) });
    }
    return { tables: race.times[0] ?? null, product: race.times[1] ?? null };
  },
  report: (cells) => {
    const rows = cells.map(({ cell: { medianMs: reference, ...cell }, outcomes }) => ({
      ...cell,
      runs: outcomes.length,
      judgeMdMedian: reference ?? null,
      tables: timesOf(outcomes.map(({ tables }) => tables)),
      product: timesOf(outcomes.map(({ product }) => product)),
    }));
    return {
      rows,
      table: markdown(
        [
          'weight',
          'requests/s',
          'p95',
          'judge.md',
          'Sluice, α 0.0375 %',
          `Sluice, default α ${percent(defaultAlpha('latency'))}`,
        ],
        rows.map((row) => [
          percent(row.weight),
          String(row.rps),
          `× ${row.ratio}`,
          row.judgeMdMedian === null ? '–' : seconds(row.judgeMdMedian),
          shown(row.tables),
          shown(row.product),
        ]),
      ),
      bounds: [
        ...boundsOf(cells, ({ ratio, weight, rps }) => `p95 × ${ratio}, ${percent(weight)} of ${rps} requests/s`),
        ...cells
          .filter(({ cell }) => cell.ratio <= 1.1)
          .map(({ cell, outcomes }) => {
            const failed = shareOf(outcomes, ({ product }) => product !== null);
            return {
              what: `p95 × ${cell.ratio}, ${percent(cell.weight)} of ${cell.rps} requests/s: tolerated, never failed`,
              found: percent(failed),
              held: failed === 0,
            };
          }),
      ],
    };
  },
});

interface Total {
  readonly weight: number;
  readonly alpha: number;
  readonly atMost: number;
}

const WEIGHTS = [0.01, 0.05, 0.25, 0.5];
const NEEDED = [3, 3, 7, 13];

/** No chance in it: every candidate request fails, none of stable's does. */
export const totalFailure = experiment<Total, number>({
  name: 'total-failure',
  title: 'Candidate requests that prove a total failure, on one tick, against a clean stable',
  runs: { full: 1, quick: 1 },
  cells: [
    ...WEIGHTS.map((weight, k) => ({ weight, alpha: defaultAlpha('errors'), atMost: NEEDED[k] ?? 0 })),
    { weight: 0.5, alpha: TABLES_ALPHA.errors, atMost: 12 },
  ],
  run: ({ weight, alpha }) => {
    const policy = alone({ ...FIRST, weightBp: weight * 10_000 }, 'errors', alpha);
    for (let requests = 1; ; requests++) {
      const stable = { requests: Math.round((requests * (1 - weight)) / weight), bad: 0 };
      const reading = { errors: sample(TICK_MS, { candidate: { requests, bad: requests }, stable }) };
      if (judge(policy, openEvidence(policy), reading).verdicts[0]?.verdict === 'fail') return requests;
    }
  },
  report: (cells) => {
    const rows = cells.map(({ cell, outcomes }) => ({ ...cell, requests: outcomes[0] ?? null }));
    return {
      rows,
      table: markdown(
        ['weight', 'α', 'requests needed', 'promised'],
        rows.map(({ weight, alpha, requests, atMost }) => [percent(weight), percent(alpha), String(requests), String(atMost)]),
      ),
      bounds: rows.map(({ weight, alpha, requests, atMost }) => ({
        what: `total failure at ${percent(weight)}, α ${percent(alpha)}: found with ${atMost} requests`,
        found: String(requests),
        held: requests !== null && requests <= atMost,
      })),
    };
  },
});

/** 20 % errors at 5 % weight and 200 requests a second. */
export const firstTick = experiment<{ readonly gate: GateName }, boolean>({
  name: 'first-tick',
  title: '20 % errors at 5 % of 200 requests/s, a clean stable: found on the first tick',
  runs: { full: 1_000, quick: 20 },
  cells: [{ gate: 'errors' }],
  run: (_, random) => {
    const policy = alone({ ...FIRST, weightBp: 500 }, 'errors', defaultAlpha('errors'));
    const tick = ticks(random, independent(random, 0, 0.2), 200, 0.05, TICK_MS)();
    return judge(policy, openEvidence(policy), { errors: sample(TICK_MS, tick) }).verdicts[0]?.verdict === 'fail';
  },
  report: ([found]) => {
    const share = shareOf(found?.outcomes ?? [], (first) => first);
    return {
      rows: [{ share }],
      table: markdown(['found on the first tick'], [[percent(share)]]),
      bounds: [
        {
          what: '20 % errors at 5 % of 200 requests/s: the median run is found on the first tick',
          found: percent(share),
          held: share >= 0.5,
        },
      ],
    };
  },
});
