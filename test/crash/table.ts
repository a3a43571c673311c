/** The results of the crash suite as the table of `docs/reliability.md`. */
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { CASES } from './cases.js';
import type { CrashResult } from './crash.js';
import { readKept } from './results.js';

const PAGE = fileURLToPath(new URL('../../docs/reliability.md', import.meta.url));
/** Every death with the newest event of the history at that moment. */
const DEATHS = fileURLToPath(new URL('../../docs/reliability.csv', import.meta.url));
const BEGIN = '<!-- crash table -->';
const END = '<!-- end of crash table -->';

export function writeTable(): void {
  const results = CASES.flatMap(({ name }) => readKept(name)?.results ?? []);
  const page = readFileSync(PAGE, 'utf8');
  const [before = '', rest = ''] = page.split(BEGIN);
  const after = rest.split(END)[1] ?? '';
  const commits = [...new Set(results.map(({ commit }) => commit))].join(', ');
  const date = new Date().toISOString().slice(0, 10);
  const deaths = results.map(({ case: kase, victim, moment, lastEvent = '', outcome = '', findings, commit }) =>
    [kase, victim, moment, lastEvent, outcome, findings.length === 0 ? 'survived' : 'failed', commit].join(','),
  );
  writeFileSync(DEATHS, `${['case,killed,moment,newest event,outcome,verdict,commit', ...deaths.sort()].join('\n')}\n`);
  writeFileSync(PAGE, `${before}${BEGIN}\n\n${tableOf(results)}\n\nLast run on ${date}, at ${commits}.\n\n${END}${after}`);
}

/** One line a case, victim and kind of moment. */
export function tableOf(results: readonly CrashResult[]): string {
  const groups = new Map<string, CrashResult[]>();
  for (const result of results) {
    const when = result.moment.startsWith('after ') ? 'at random moments' : 'at each point of the history';
    const key = `| ${result.case} | ${result.victim} | ${when} |`;
    groups.set(key, [...(groups.get(key) ?? []), result]);
  }
  const rows = [...groups]
    .sort(([one], [other]) => one.localeCompare(other))
    .map(([key, runs]) => {
      const struck = runs.filter(({ lastEvent }) => lastEvent !== undefined);
      const survived = struck.filter(({ findings }) => findings.length === 0);
      return `${key} ${struck.length} | ${survived.length} | ${runs.length - struck.length} |`;
    });
  return ['| case | killed | when | runs | survived | never came to the moment |', '|---|---|---|---|---|---|', ...rows].join(
    '\n',
  );
}
