/**
 * `npm run test:crash [-- --case promoted] [--random 200] [--others 30] [--limit 20]`: kills the worker at every point of each
 * case's baseline, then at random moments, then Temporal and the proxy. Every run leaves a file in `test/crash/results/`; runs
 * that have one are not repeated, so that the suite may be stopped and gone on with. At the end `docs/reliability.md` gets its
 * table.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { CASES, type CrashCase } from './cases.js';
import { baseline, crash, momentName, type Moment, type Victim } from './crash.js';
import type { KillPoint } from './points.js';
import { randomMoments } from './random-moments.js';
import { writeTable } from './table.js';

const RESULTS = fileURLToPath(new URL('results/', import.meta.url));
const { values } = parseArgs({
  options: {
    case: { type: 'string' },
    random: { type: 'string', default: '200' },
    others: { type: 'string', default: '30' },
    limit: { type: 'string', default: 'Infinity' },
  },
});

interface Planned {
  readonly kase: CrashCase;
  readonly victim: Victim;
  readonly moment: Moment;
}

async function planOf(kase: CrashCase): Promise<readonly Planned[]> {
  const file = join(RESULTS, kase.name, 'baseline.json');
  if (!existsSync(file)) keep(file, await baseline(kase));
  const { points, tookMs } = JSON.parse(readFileSync(file, 'utf8')) as { points: KillPoint[]; tookMs: number };
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

function keep(file: string, what: unknown): void {
  mkdirSync(join(file, '..'), { recursive: true });
  writeFileSync(file, `${JSON.stringify(what, undefined, 1)}\n`);
}

const fileOf = ({ kase, victim, moment }: Planned): string =>
  join(RESULTS, kase.name, `${victim} ${momentName(moment)}.json`.replaceAll(' ', '-'));

let left = Number(values.limit);
for (const kase of CASES.filter(({ name }) => values.case === undefined || values.case === name)) {
  for (const planned of await planOf(kase)) {
    const file = fileOf(planned);
    if (existsSync(file) || left === 0) continue;
    left -= 1;
    const result = await crash(planned.kase, planned.victim, planned.moment);
    keep(file, result);
    const verdict = result.findings.length === 0 ? 'survived' : `FAILED: ${result.findings.join('; ')}`;
    console.log(`${result.case} · ${result.victim} · ${result.moment} · ${result.lastEvent ?? 'never came to it'} · ${verdict}`);
  }
}
writeTable(RESULTS);
