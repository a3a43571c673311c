/**
 * `npm run test:mutants [-- --pure] [name …]`: each mutant in a copy of the project: it must compile, and the named test must fail, while
 * the same test is green on the source as it is. A mutant whose place is gone is an error: the table follows the code.
 */
import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { MUTANTS, type Mutant } from './table.js';

const ROOT = resolve(import.meta.dirname, '../..');
const names = process.argv.slice(2).filter((word) => word !== '--pure');
const mutants = MUTANTS.filter(({ pure }) => pure || !process.argv.includes('--pure')).filter(
  ({ name }) => names.length === 0 || names.includes(name),
);
const copy = mkdtempSync(join(tmpdir(), 'sluice-mutants-'));
const HISTORIES = '4000';

function runTest(
  folder: string,
  { test, title }: Pick<Mutant, 'test' | 'title'>,
): { readonly green: boolean; readonly red: boolean } {
  // The named test alone.
  const only = [`--test-name-pattern=${title.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')}`];
  const { stdout, status } = spawnSync(
    process.execPath,
    ['--import', 'tsx', '--test', '--test-reporter=tap', ...(title === '' ? [] : only), test],
    { cwd: folder, encoding: 'utf8', env: { ...process.env, SLUICE_HISTORIES: HISTORIES }, timeout: 300_000 },
  );
  const failing = stdout.split('\n').filter((line) => line.startsWith('not ok'));
  return { green: status === 0, red: failing.some((line) => line.includes(title)) };
}

const compiles = (folder: string): boolean =>
  spawnSync('npx', ['tsc', '-p', 'tsconfig.build.json', '--noEmit'], { cwd: folder }).status === 0;

let bad = 0;
const say = (fine: boolean, text: string): void => {
  if (!fine) bad += 1;
  console.log(`${fine ? 'ok    ' : 'NOT OK'} ${text}`);
};
try {
  for (const part of ['src', 'test', 'package.json', 'tsconfig.json', 'tsconfig.build.json'])
    cpSync(join(ROOT, part), join(copy, part), { recursive: true });
  symlinkSync(join(ROOT, 'node_modules'), join(copy, 'node_modules'));
  symlinkSync(join(ROOT, '.cache'), join(copy, '.cache'));
  for (const test of new Set(mutants.map((mutant) => mutant.test)))
    say(runTest(copy, { test, title: '' }).green, `unmutated: ${test} is green`);
  for (const mutant of mutants) {
    const file = join(copy, mutant.file);
    const source = readFileSync(file, 'utf8');
    if (source.split(mutant.find).length !== 2) {
      say(false, `${mutant.name}: its place stands ${source.split(mutant.find).length - 1} times in ${mutant.file}`);
      continue;
    }
    writeFileSync(
      file,
      source.replace(mutant.find, () => mutant.replace),
    );
    const built = compiles(copy);
    const { red } = built ? runTest(copy, mutant) : { red: false };
    say(
      built && red,
      `${mutant.name}: ${built ? (red ? `"${mutant.title}" turned red` : `"${mutant.title}" stayed green`) : 'does not compile'}`,
    );
    writeFileSync(file, source);
  }
} finally {
  rmSync(copy, { recursive: true, force: true });
}
console.log(`\n${mutants.length - bad} of ${mutants.length} mutants were found`);
process.exit(bad === 0 ? 0 : 1);
