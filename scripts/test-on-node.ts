/**
 * `npm run test:node -- 22 [24] [folder …]`: the unit tests on another Node than the one that is installed. Its binary comes from
 * the npm registry (packages `node-<platform>-<arch>`) into `.cache`; nothing is installed.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const VERSIONS: Readonly<Record<string, string>> = { 22: '22.23.3', 24: '24.21.0' };
const UNIT = ['domain', 'judge', 'spec', 'activities'];
const project = fileURLToPath(new URL('..', import.meta.url));

const asked = process.argv.slice(2);
const majors = asked.filter((word) => Object.hasOwn(VERSIONS, word));
const folders = asked.filter((word) => !Object.hasOwn(VERSIONS, word));
if (majors.length === 0) {
  console.error(`found no version of Node among "${asked.join(' ')}", expected one of ${Object.keys(VERSIONS).join(', ')}`);
  process.exit(1);
}
for (const major of majors) {
  const node = binaryOf(VERSIONS[major] ?? '');
  run(node, ['--version']);
  run(node, ['--import', 'tsx', 'scripts/run-tests.ts', ...(folders.length === 0 ? UNIT : folders)]);
}

/** Unpacked beside its place and renamed: nobody ever runs half a file. */
function binaryOf(version: string): string {
  const target = join(project, '.cache', `node-${version}`);
  const binary = join(target, 'bin', 'node');
  if (existsSync(binary)) return binary;
  mkdirSync(join(project, '.cache'), { recursive: true });
  const folder = mkdtempSync(join(project, '.cache', 'node-download-'));
  const name = `node-${process.platform}-${process.arch}`;
  try {
    run('npm', ['pack', '--silent', `${name}@${version}`, '--pack-destination', folder]);
    run('tar', ['-xzf', join(folder, `${name}-${version}.tgz`), '-C', folder, 'package/bin/node']);
    renameSync(join(folder, 'package'), target);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  return binary;
}

function run(program: string, words: readonly string[]): void {
  const { status } = spawnSync(program, [...words], { cwd: project, stdio: 'inherit' });
  if (status !== 0) throw new Error(`${program} ${words.join(' ')} ended with ${String(status)}`);
}
