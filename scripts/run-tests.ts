/**
 * Runs the test files (Node 20 expands no globs) and says loudly what it leaves out. Arguments: folders or files below `test/`;
 * none: all. `SLUICE_LEAVE_NOTHING_OUT=1` makes a missing part an error: continuous integration sets it.
 */
import { spawnSync } from 'node:child_process';
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const PARTS = [
  { command: 'haproxy', why: 'the real router', install: 'apt-get install haproxy' },
  { command: 'prometheus', why: 'the real metric store', install: 'apt-get install prometheus' },
  { command: 'redis-server', why: "the guard's store in Redis", install: 'apt-get install redis-server' },
  { command: 'pg_ctlcluster', why: "the guard's store in PostgreSQL", install: 'apt-get install postgresql' },
  { command: 'chromium', why: "what people see in Temporal's UI", install: 'apt-get install chromium' },
] as const;

const onPath = (command: string): boolean => spawnSync('sh', ['-c', `command -v ${command}`]).status === 0;

function testFiles(path: string): string[] {
  if (statSync(path).isFile()) return path.endsWith('.test.ts') ? [path] : [];
  return readdirSync(path)
    .sort()
    .flatMap((name) => testFiles(join(path, name)));
}

const missing = PARTS.filter(({ command }) => !onPath(command));
const sayWhatIsMissing = (): void => {
  for (const { command, why, install } of missing)
    console.error(`\nLEFT OUT: "${command}" is not installed, so ${why} is not tested. ${install}\n`);
};
sayWhatIsMissing();
if (missing.length > 0 && process.env['SLUICE_LEAVE_NOTHING_OUT'] === '1') process.exit(1);

const asked = process.argv.slice(2);
const files = (
  asked.length === 0 ? ['test'] : asked.map((name) => (name.startsWith('test') ? name : join('test', name)))
).flatMap(testFiles);
const reporters = ['spec', fileURLToPath(new URL('slowest-files.mjs', import.meta.url))].flatMap((name) => [
  `--test-reporter=${name}`,
  '--test-reporter-destination=stdout',
]);
/** As many as the smallest machine has processors: with three a quarter of the time is saved, and tests stand in each other's way. */
const AT_ONCE = 2;
const { status } = spawnSync(
  process.execPath,
  ['--import', 'tsx', '--test', ...reporters, `--test-concurrency=${AT_ONCE}`, ...files],
  { stdio: 'inherit' },
);
sayWhatIsMissing();
process.exit(status ?? 1);
