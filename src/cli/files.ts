import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import type { RolloutPlan } from '../domain/plan.js';
import { parseConfig } from '../spec/parse-config.js';
import { parseRollout } from '../spec/parse-rollout.js';
import type { PlatformConfig } from '../spec/platform.js';
import { renderProblem } from '../spec/problems.js';
import { CommandFailure, fail } from './failure.js';
import type { Surroundings } from './surroundings.js';

export const DEFAULT_CONFIG = 'sluice.config.yaml';
export const DEFAULT_ROLLOUT = 'rollout.yaml';

/** The platform's configuration, or every problem of it. */
export function loadPlatform(surroundings: Surroundings, file: string): PlatformConfig {
  const text = readText(surroundings, file);
  if (text === undefined)
    throw fail(
      `found no file ${file}, expected the platform's configuration; name it with --config, or write one with "sluice init <service> --router haproxy" or "--router edge" (exec, for other routers: docs/routers.md)`,
    );
  return parsePlatform(surroundings, file, text);
}

/** Undefined where there is no such file: commands that only talk to Temporal do without it. */
export function loadPlatformIfThere(surroundings: Surroundings, file: string): PlatformConfig | undefined {
  const text = readText(surroundings, file);
  return text === undefined ? undefined : parsePlatform(surroundings, file, text);
}

export interface LoadedPlan {
  readonly plan: RolloutPlan;
  readonly platform: PlatformConfig;
}

/** The plan of a rollout file under the platform's configuration, or every problem of both. */
export function loadPlan(
  surroundings: Surroundings,
  { file, config, set }: { readonly file: string; readonly config: string; readonly set: readonly string[] },
): LoadedPlan {
  const text = readText(surroundings, file);
  if (text === undefined)
    throw fail(`found no file ${file}, expected a rollout; name it as the argument, or write one with "sluice init"`);
  const platform = loadPlatform(surroundings, config);
  const parsed = parseRollout(text, { file, env: surroundings.env, set, platform });
  if (parsed.kind === 'invalid') throw new CommandFailure(parsed.problems.map(renderProblem));
  return { plan: parsed.plan, platform };
}

function parsePlatform({ env }: Surroundings, file: string, text: string): PlatformConfig {
  const parsed = parseConfig(text, { file, env });
  if (parsed.kind === 'invalid') throw new CommandFailure(parsed.problems.map(renderProblem));
  return parsed.config;
}

/** Undefined: there is no such file. Anything else that keeps us from reading it is said. */
function readText({ cwd }: Surroundings, file: string): string | undefined {
  try {
    return readFileSync(resolve(cwd, file), 'utf8');
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown reason';
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw fail(`cannot read ${file} (${code}); expected a readable text file`);
  }
}
