/**
 * `npm run bench:judge [-- --quick] [--only name,…] [--runs n] [--workers n] [--out folder]`: how the judge behaves on simulated
 * traffic, against its promises and against other rules on the same streams. Writes `bench.json`, `bench.md` and two plots
 * into docs/judge, and the tables into docs/judge.md. `--only` replaces just those experiments there; with `""` it only draws
 * again what was measured. `--quick` tries the bench itself, and writes elsewhere. Exit code 1 when a promise is missed.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { Bound, Report } from './experiment.js';
import { EXPERIMENTS, experimentNamed } from './experiments.js';
import { detectionTimes, falseAlarms } from './plots.js';
import { Pool } from './pool.js';

interface Result extends Report {
  readonly runs: number;
  readonly wallSeconds: number;
  readonly cpuSeconds: number;
}

const { values } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    only: { type: 'string' },
    runs: { type: 'string' },
    workers: { type: 'string', default: String(Math.min(2, availableParallelism())) },
    out: { type: 'string' },
  },
});
const DOCS = 'docs/judge';
const EXPLAINED = 'docs/judge.md';
const folder = values.out ?? (values.quick ? '.cache/bench-judge' : DOCS);
const wanted = values.only === undefined ? EXPERIMENTS : values.only.split(',').filter(Boolean).map(experimentNamed);

mkdirSync(folder, { recursive: true });
const file = join(folder, 'bench.json');
const results: Record<string, Result> = existsSync(file)
  ? (JSON.parse(readFileSync(file, 'utf8')) as Record<string, Result>)
  : {};

const pool = new Pool(Number(values.workers));
const begun = performance.now();
for (const experiment of wanted) {
  const runs = values.runs === undefined ? experiment.runs[values.quick ? 'quick' : 'full'] : Number(values.runs);
  const [wall, cpu] = [performance.now(), process.cpuUsage()];
  const report = experiment.report(await pool.run(experiment, runs, everyTenth(experiment.name)));
  const { user, system } = process.cpuUsage(cpu);
  results[experiment.name] = {
    runs,
    wallSeconds: Math.round((performance.now() - wall) / 1_000),
    cpuSeconds: Math.round((user + system) / 1e6),
    ...report,
  };
  write();
  const missed = report.bounds.filter(({ held }) => !held);
  console.log(
    `${experiment.name}: ${runs} runs a cell, ${results[experiment.name]!.wallSeconds} s, ${results[experiment.name]!.cpuSeconds} s of CPU; ${report.bounds.length - missed.length} of ${report.bounds.length} bounds held`,
  );
  for (const bound of missed) console.log(`  MISSED ${bound.what}: found ${bound.found}${asChance(bound)}`);
  // A quick run is too short to say anything of a promise.
  if (missed.length > 0 && !values.quick) process.exitCode = 1;
}
await pool.close();
write();
console.log(`all of it: ${Math.round((performance.now() - begun) / 1_000)} s; written to ${folder}`);

function asChance({ byChance }: Bound): string {
  return byChance === true ? ' (chance may do that in so many runs)' : '';
}

function everyTenth(name: string): (share: number) => void {
  let next = 0.1;
  return (share) => {
    if (share < next) return;
    next = share + 0.1;
    console.error(`  ${name}: ${Math.floor(100 * share)} %`);
  };
}

function write(): void {
  const inOrder = EXPERIMENTS.flatMap(({ name }) => (results[name] === undefined ? [] : [[name, results[name]] as const]));
  writeFileSync(file, `${JSON.stringify(Object.fromEntries(inOrder))}\n`);
  writeFileSync(join(folder, 'bench.md'), page(inOrder));
  if (results['identical'] !== undefined) writeFileSync(join(folder, 'false-alarms.svg'), falseAlarms(results['identical'].rows));
  if (results['detection'] !== undefined)
    writeFileSync(join(folder, 'detection-times.svg'), detectionTimes(results['detection'].rows));
  if (folder === DOCS && existsSync(EXPLAINED)) writeFileSync(EXPLAINED, embedded(readFileSync(EXPLAINED, 'utf8')));
}

/** Between `<!-- name -->` and `<!-- end -->` stands what was measured, so that the text beside it cannot fall behind. */
function embedded(text: string): string {
  return text.replace(/<!-- ([a-z-]+) -->[^]*?<!-- end -->/g, (old, name: string) => {
    const result = results[name];
    if (result === undefined) return old;
    const { digest } = experimentNamed(name);
    return `<!-- ${name} -->\n\n${digest ? digest(result.rows) : result.table}\n\n<!-- end -->`;
  });
}

function page(inOrder: readonly (readonly [string, Result])[]): string {
  const sections = inOrder.map(([name, { runs, cpuSeconds, wallSeconds, table, bounds }]) => {
    const missed = bounds.filter(({ held }) => !held);
    const said =
      bounds.length === 0
        ? 'No bound is promised here.'
        : [
            `${bounds.length - missed.length} of ${bounds.length} bounds held.`,
            ...missed.map((bound) => `- **Missed**: ${bound.what}; found ${bound.found}${asChance(bound)}.`),
          ].join('\n');
    return `## ${experimentNamed(name).title}\n\n\`${name}\`: ${runs} runs a cell, ${wallSeconds} s, ${cpuSeconds} s of CPU.\n\n${table}\n\n${said}\n`;
  });
  return `# Measured\n\nWritten by \`npm run bench:judge\`; seeded, so that it can be repeated. What it means: [judge.md](../judge.md).\n\n${sections.join('\n')}`;
}
