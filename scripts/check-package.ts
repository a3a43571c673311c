/**
 * `npm run test:package`: packs what `npm run build` made, has publint and attw look at it, and runs the command line and the
 * exports from the unpacked package. The two tools come by npx and are no dependencies.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import manifest from '../package.json' with { type: 'json' };

const PUBLINT = 'publint@0.3.25';
const ATTW = '@arethetypeswrong/cli@0.18.5';
const project = fileURLToPath(new URL('..', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'sluice-package-'));

try {
  run('npm', ['pack', '--silent', '--ignore-scripts', '--pack-destination', folder], project);
  const packed = join(folder, `${manifest.name}-${manifest.version}.tgz`);
  run('npx', ['--yes', PUBLINT, 'run', packed, '--strict'], folder);
  // Every supported Node loads ES modules also by require.
  run('npx', ['--yes', ATTW, packed, '--profile', 'esm-only', '--no-emoji'], folder);
  run('tar', ['-xzf', packed, '-C', folder], folder);
  symlinkSync(join(project, 'node_modules'), join(folder, 'node_modules'));
  run(process.execPath, [join('package', manifest.bin.sluice), '--help'], folder);
  for (const { default: file } of Object.values(manifest.exports))
    run(
      process.execPath,
      ['--input-type=module', '--eval', `await import(${JSON.stringify(join(folder, 'package', file))})`],
      folder,
    );
} finally {
  rmSync(folder, { recursive: true, force: true });
}

function run(program: string, words: readonly string[], cwd: string): void {
  const { status } = spawnSync(program, [...words], { cwd, stdio: 'inherit' });
  if (status !== 0) throw new Error(`${program} ${words.join(' ')} ended with ${String(status)}`);
}
