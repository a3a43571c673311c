import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { historiesIn, recordedRollout, type KeyRing, type RecordedRollout } from '../../client/index.js';
import { fail } from '../failure.js';
import { loadPlan } from '../files.js';
import { collect, withFormat, withPlace, type FormatOptions, type PlaceOptions } from '../options.js';
import type { Run } from '../program.js';
import { whatIfLines } from '../render/what-if.js';
import { report } from '../report.js';
import { keysIfThere, withClient } from '../session.js';
import type { Surroundings } from '../surroundings.js';
import { whatIf } from '../what-if.js';

interface Options extends PlaceOptions, FormatOptions {
  readonly policy: string;
  readonly set: readonly string[];
  readonly run?: string;
}

export function whatIfCommand(program: Command, run: Run): void {
  const command = program
    .command('what-if')
    .description('judge a recorded rollout again under another policy; nothing is changed')
    .argument('<history>', 'a file of "temporal workflow show -o json", or a workflow id: rollout/<environment>/<service>')
    .requiredOption('--policy <file>', 'a rollout, of which the steps, gates, alpha and risk count')
    .option('--set <path=value>', 'over that file; may be repeated', collect, [])
    .option('--run <id>', 'run of the workflow id (the newest)');
  withFormat(withPlace(command)).action((history: string, options: Options) =>
    run(async (surroundings) => {
      const { plan } = loadPlan(surroundings, { file: options.policy, config: options.config, set: options.set });
      const recorded = await recordedIn(surroundings, history, options);
      if (recorded.moments.length === 0)
        throw fail(
          `found no judged step in ${history}, expected a rollout whose candidate had users; there is nothing to judge again`,
        );
      const found = whatIf(recorded, plan);
      if (found.resolution.judgedAgain === 0)
        throw fail(
          `found verdicts but no evidence in ${history} that could be judged again under ${options.policy}: expected gates and weights that both have, recorded by this version`,
        );
      const { target, candidate } = recorded.plan;
      const { exit, ...value } = found;
      return report(surroundings, options.output, {
        exit,
        lines: [
          `${target.service} ${target.environment} ${candidate.release}, judged again under ${options.policy}`,
          '',
          ...whatIfLines(found),
        ],
        value: { ...target, release: candidate.release, policy: options.policy, ...value },
      });
    }),
  );
}

async function recordedIn(surroundings: Surroundings, history: string, options: Options): Promise<RecordedRollout> {
  const text = textOf(surroundings, history);
  const recorded =
    text === undefined
      ? await withClient(surroundings, options, (client) => client.recorded(history, options.run))
      : recordedInText(text, history, keysIfThere(surroundings, options.config));
  if (recorded === undefined)
    throw fail(`found no rollout of Sluice in ${history}; expected the history of a workflow "rollout"`);
  return recorded;
}

function recordedInText(text: string, file: string, keys: KeyRing | undefined): RecordedRollout | undefined {
  const histories = historiesIn(jsonOf(text));
  if (histories === undefined)
    throw fail(`found no history in ${file}, expected what "temporal workflow show -w <workflow id> -o json" prints`);
  return recordedRollout(histories, keys);
}

/** Undefined: no such file, so it is a workflow id. */
function textOf({ cwd }: Surroundings, path: string): string | undefined {
  try {
    return readFileSync(resolve(cwd, path), 'utf8');
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown reason';
    if ((code === 'ENOENT' || code === 'ENOTDIR') && !path.endsWith('.json')) return undefined;
    throw fail(`cannot read ${path} (${code}); expected a history, or a workflow id such as rollout/production/answer-api`);
  }
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
