/** Whole rollouts of identical releases under the product's defaults, all gates together: who is rolled back, who is promoted, who waits. */
import { conditionOf } from '../../src/activities/supervise/condition.js';
import { outlookWarnings } from '../../src/cli/plan/outlook-warnings.js';
import { expectedTraffic, outlookOf } from '../../src/cli/plan/outlook.js';
import type { RolloutPlan } from '../../src/domain/plan.js';
import type { StepPolicy } from '../../src/domain/policy.js';
import { combine, type GateName, type Judgement } from '../../src/domain/verdict.js';
import { judge, openEvidence } from '../../src/judge/judge.js';
import { learn } from '../../src/judge/look-back.js';
import { experiment, markdown, percent, shareOf, type Bound, type Report } from './experiment.js';
import { GRID } from './identical.js';
import { LOOK_BACK_BLOCK_MS, LOOK_BACK_MS, planOf, stepsOf } from './policies.js';
import type { Random } from './random.js';
import { IdenticalRelease, type Service } from './streams.js';

export type Ending =
  | { readonly kind: 'promoted' }
  | { readonly kind: 'rolled-back'; readonly atBp: number; readonly gates: readonly GateName[] }
  /** Still not passed when the extension was over: waits for a human, or for traffic. */
  | { readonly kind: 'held'; readonly atBp: number; readonly gates: readonly GateName[]; readonly says: string };

/** Judged more seldom where many ticks would cost much and say little: tick length hardly matters (judge.md 4.7). */
const BAKE_TICK_MS = 30_000;
const EXTENSION_TICK_MS = 60_000;

/** As the workflow drives it: a step is left at its first pass, held when its extension is over, and blind only for so long. */
export function rollOut(plan: RolloutPlan, service: Service, random: Random): Ending {
  const release = new IdenticalRelease(random, service);
  const [first] = stepsOf(plan) as [StepPolicy];
  const before = release.step(0);
  let evidence = learn(first, [Array.from({ length: LOOK_BACK_MS / LOOK_BACK_BLOCK_MS }, () => before(LOOK_BACK_BLOCK_MS))]);
  for (const [index, policy] of stepsOf(plan).entries()) {
    const { soakMaxMs } = plan.steps[index]!;
    const next = release.step(policy.weightBp / 10_000);
    evidence = openEvidence(policy, evidence);
    let blindMs = 0;
    for (let elapsedMs = 0; ;) {
      const soakTickMs = policy.next === undefined ? BAKE_TICK_MS : plan.tickMs;
      const tickMs = elapsedMs < policy.soakMs ? soakTickMs : EXTENSION_TICK_MS;
      elapsedMs += tickMs;
      const reading = next(tickMs);
      const { verdicts, evidence: after } = judge(policy, evidence, reading);
      evidence = after;
      const judgement: Judgement = { at: elapsedMs, verdict: combine(verdicts), gates: verdicts, soakedMs: elapsedMs };
      const unasked = verdicts.find(({ decisive, verdict }) => !decisive && verdict === 'fail');
      if (unasked) return { kind: 'rolled-back', atBp: policy.weightBp, gates: [unasked.gate] };
      if (judgement.verdict === 'pass') break;
      const deciding = verdicts.filter(({ decisive, verdict }) => decisive && verdict === judgement.verdict);
      const gates = deciding.map(({ gate }) => gate);
      if (judgement.verdict === 'fail') return { kind: 'rolled-back', atBp: policy.weightBp, gates };
      const watching = { watchedMs: elapsedMs, bucketMs: plan.bucketMs, tickMs, known: 'judging' as const };
      blindMs = conditionOf(policy, judgement, reading, watching) === 'blind' ? blindMs + tickMs : 0;
      if (blindMs > plan.limits.blindMs) return { kind: 'rolled-back', atBp: policy.weightBp, gates };
      if (elapsedMs >= soakMaxMs)
        return { kind: 'held', atBp: policy.weightBp, gates, says: deciding[0]?.sentence ?? 'no gate decides' };
    }
  }
  return { kind: 'promoted' };
}

/**
 * The default gates decide; dedupe, which is off by default, observes, so that its false alarms are counted and its want of
 * replays holds nobody. What it would have rolled back counts as rolled back.
 */
const ALL_GATES: RolloutPlan = planOf({ gates: { dedupe: { mode: 'observe' } } });
const MOST_FALSE = 0.01;
const LEAST_PROMOTED = 0.95;

type Row = Service & {
  readonly runs: number;
  readonly promoted: number;
  readonly held: number;
  readonly rolledBack: number;
  readonly rolledBackBy: Readonly<Record<string, number>>;
  readonly heldAt: Readonly<Record<string, number>>;
  readonly says?: string;
};

function rowOf<Cell extends Service>(cell: Cell, endings: readonly Ending[]): Cell & Row {
  const held = endings.filter((ending) => ending.kind === 'held');
  const says = held[0]?.says;
  return {
    ...cell,
    runs: endings.length,
    promoted: shareOf(endings, ({ kind }) => kind === 'promoted'),
    held: shareOf(endings, ({ kind }) => kind === 'held'),
    rolledBack: shareOf(endings, ({ kind }) => kind === 'rolled-back'),
    rolledBackBy: counted(endings.flatMap((ending) => (ending.kind === 'rolled-back' ? [ending.gates.join('+')] : []))),
    heldAt: counted(held.map(({ atBp, gates }) => `${atBp / 100} % by ${gates.join('+')}`)),
    ...(says === undefined ? {} : { says }),
  };
}

function counted(names: readonly string[]): Readonly<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const name of names) counts[name] = (counts[name] ?? 0) + 1;
  return counts;
}

const listed = (counts: Readonly<Record<string, number>>): string =>
  Object.entries(counts)
    .map(([name, count]) => `${name} × ${count}`)
    .join(', ') || '–';

/** Whether `plan` says, for this traffic, that a healthy release would not get through by itself. */
const isWarned = (plan: RolloutPlan, { rps, errorRate }: Service): boolean =>
  outlookWarnings(plan, outlookOf(plan, expectedTraffic(plan, { rps, errorRate }))).length > 0;

export const rollouts = experiment<Service, Ending>({
  name: 'rollouts',
  title: 'Identical releases under all gates and the defaults, the bake included (a queue at 90 % utilisation)',
  runs: { full: 500, quick: 1 },
  cells: GRID.map((cell) => ({ ...cell, utilisation: 0.9 })),
  run: (service, random) => rollOut(ALL_GATES, service, random),
  report: (cells) => {
    const rows = cells.map(({ cell, outcomes }) => rowOf(cell, outcomes));
    return {
      rows,
      table: markdown(
        ['requests/s', 'error rate of both', 'promoted without a human', 'held', 'rolled back', 'rolled back by', 'held at'],
        rows.map((row) => [
          String(row.rps),
          percent(row.errorRate),
          percent(row.promoted),
          percent(row.held),
          percent(row.rolledBack),
          listed(row.rolledBackBy),
          listed(row.heldAt),
        ]),
      ),
      bounds: rows.flatMap((row): Bound[] => {
        const where = `${row.rps} requests/s, ${percent(row.errorRate)}`;
        const warned = row.errorRate > 0.001 && isWarned(ALL_GATES, row);
        return [
          {
            what: `identical releases, all gates, ${where}: false rollback ≤ ${percent(MOST_FALSE)}`,
            found: `${percent(row.rolledBack)} (${listed(row.rolledBackBy)})`,
            held: row.rolledBack <= MOST_FALSE,
          },
          {
            what: `identical releases, ${where}: promoted without a human ≥ ${percent(LEAST_PROMOTED)}${row.errorRate > 0.001 ? ', or plan has warned' : ''}`,
            found: `${percent(row.promoted)}${warned ? ', plan has warned' : ''}`,
            held: row.promoted >= LEAST_PROMOTED || warned,
          },
        ];
      }),
    };
  },
});

type Quiet = Service & { readonly ladder: string };

const LADDERS: Readonly<Record<string, RolloutPlan>> = {
  'default ladder': planOf(),
  '25 → 50 → 100': planOf({ steps: [25, 50, 100] }),
};

export const quiet = experiment<Quiet, Ending>({
  name: 'quiet',
  title: 'Little traffic, error rate 0.1 %: the default ladder, and the one that plan proposes',
  runs: { full: 200, quick: 1 },
  cells: [0, 0.2, 1, 5].flatMap((rps) =>
    Object.keys(LADDERS).map((ladder) => ({ rps, errorRate: 0.001, utilisation: 0.5, ladder })),
  ),
  run: ({ ladder, ...service }, random) => rollOut(LADDERS[ladder]!, service, random),
  report: (cells): Report => {
    const rows = cells.map(({ cell, outcomes }) => rowOf(cell, outcomes));
    return {
      rows,
      table: markdown(
        ['requests/s', 'ladder', 'promoted', 'held', 'rolled back', 'by', 'held at', 'and says, for example'],
        rows.map((row) => [
          String(row.rps),
          row.ladder,
          percent(row.promoted),
          percent(row.held),
          percent(row.rolledBack),
          listed(row.rolledBackBy),
          listed(row.heldAt),
          row.says ?? '–',
        ]),
      ),
      bounds: rows
        .filter(({ ladder }) => ladder !== 'default ladder')
        .flatMap((row): Bound[] => {
          if (row.rps >= 1)
            return [
              {
                what: `${row.rps} requests/s, steps ${row.ladder}: promoted ≥ ${percent(LEAST_PROMOTED)}`,
                found: percent(row.promoted),
                held: row.promoted >= LEAST_PROMOTED,
              },
            ];
          return row.rps === 0
            ? [{ what: `no requests, steps ${row.ladder}: held`, found: `${percent(row.held)} held`, held: row.held === 1 }]
            : [];
        }),
    };
  },
});
