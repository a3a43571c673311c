import type { Command } from 'commander';
import { EXIT } from '../exit-codes.js';
import { DEFAULT_CONFIG, DEFAULT_ROLLOUT, loadPlan } from '../files.js';
import { collect, withFormat, type FormatOptions } from '../options.js';
import type { Run } from '../program.js';
import { report } from '../report.js';

export interface FileOptions extends FormatOptions {
  readonly config: string;
  readonly set: readonly string[];
}

export function validateCommand(program: Command, run: Run): void {
  withFile(program.command('validate').description('check a rollout and the configuration; every problem at once')).action(
    (file: string, options: FileOptions) =>
      run((surroundings) => {
        const { plan } = loadPlan(surroundings, { ...options, file });
        const { target, candidate, steps, profile, digest } = plan;
        const line = `${file} is valid: ${target.service} ${target.environment}, ${candidate.release} → ${candidate.id}, ${steps.length} steps, profile ${profile}`;
        return Promise.resolve(
          report(surroundings, options.output, {
            exit: EXIT.ok,
            lines: [line],
            value: { ...target, release: candidate.release, profile, digest, valid: true },
          }),
        );
      }),
  );
}

export function withFile(command: Command): Command {
  return withFormat(
    command
      .argument('[file]', 'the rollout', DEFAULT_ROLLOUT)
      .option('--config <file>', "the platform's configuration", DEFAULT_CONFIG)
      .option('--set <path=value>', 'over the file; may be repeated', collect, []),
  );
}
