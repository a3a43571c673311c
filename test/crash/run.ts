/**
 * `npm run test:crash [-- --case promoted] [--random 200] [--others 30] [--limit 20] [--at-once 2]`: kills the worker at every point
 * of each case's baseline, then at random moments, then Temporal and the proxy. What came of it is kept in a file for each case under
 * `test/crash/results/`; what stands there is not run again, so that the suite may be stopped and gone on with, also elsewhere. At the
 * end `docs/reliability.md` gets its table.
 */
import { parseArgs } from 'node:util';
import { CASES, type CrashCase } from './cases.js';
import { baseline, crash, momentName, type CrashResult, type Moment, type Victim } from './crash.js';
import { randomMoments } from './random-moments.js';
import { keep, readKept } from './results.js';
import { writeTable } from './table.js';

const { values } = parseArgs({
  options: {
    case: { type: 'string' },
    random: { type: 'string', default: '200' },
    others: { type: 'string', default: '30' },
    limit: { type: 'string', default: 'Infinity' },
    'at-once': { type: 'string', default: '1' },
  },
});

interface Planned {
  readonly kase: CrashCase;
  readonly victim: Victim;
  readonly moment: Moment;
}

async function planOf(kase: CrashCase): Promise<readonly Planned[]> {
  const { points, tookMs } =
    readKept(kase.name)?.baseline ?? keep(kase.name, { baseline: await baseline(kase), results: [] }).baseline;
  const share = (count: string): number => Math.ceil(Number(count) / CASES.length);
  const at = (victim: Victim, count: number): readonly Planned[] =>
    randomMoments(`${kase.name} ${victim}`, count, tookMs).map((moment) => ({ kase, victim, moment }));
  return [
    ...points.map((point) => ({ kase, victim: 'worker' as const, moment: { kind: 'point' as const, point } })),
    ...at('worker', share(values.random)),
    ...at('temporal', share(values.others)),
    ...at('proxy', share(values.others)),
  ];
}

async function play({ kase, victim, moment }: Planned): Promise<void> {
  const result = await crash(kase, victim, moment);
  const kept = readKept(kase.name);
  if (kept === undefined) throw new Error(`the file of the case ${kase.name} is gone`);
  keep(kase.name, { ...kept, results: [...kept.results, result] });
  console.log(
    `${result.case} · ${result.victim} · ${result.moment} · ${result.lastEvent ?? 'never came to it'} · ${verdictOn(result)}`,
  );
}

const verdictOn = ({ findings }: CrashResult): string => (findings.length === 0 ? 'survived' : `FAILED: ${findings.join('; ')}`);

const planned: Planned[] = [];
for (const kase of CASES.filter(({ name }) => values.case === undefined || values.case === name)) {
  const all = await planOf(kase);
  const kept = new Set(readKept(kase.name)?.results.map(({ victim, moment }) => `${victim} ${moment}`));
  planned.push(...all.filter(({ victim, moment }) => !kept.has(`${victim} ${momentName(moment)}`)));
}
const left = planned.slice(0, Number(values.limit));
console.log(`${String(planned.length)} runs to go, ${String(left.length)} of them now`);
const player = async (): Promise<void> => {
  for (let next = left.shift(); next !== undefined; next = left.shift()) await play(next);
};
await Promise.all(Array.from({ length: Number(values['at-once']) }, player));
writeTable();
