import type { Command } from 'commander';
import { EXIT } from '../exit-codes.js';
import { valueOf } from '../ending.js';
import { viewOf } from '../follow.js';
import {
  targetOf,
  withFormat,
  withPlace,
  withTarget,
  type FormatOptions,
  type PlaceOptions,
  type TargetOptions,
} from '../options.js';
import type { Run } from '../program.js';
import { evidenceLines } from '../render/evidence.js';
import { screen } from '../render/screen.js';
import { report } from '../report.js';
import { withClient } from '../session.js';

type Options = PlaceOptions & FormatOptions & TargetOptions;

export function statusCommand(program: Command, run: Run): void {
  withFormat(withPlace(withTarget(program.command('status').description('how a rollout stands')))).action(
    (service: string, options: Options) =>
      run((surroundings) =>
        withClient(surroundings, options, async (client) => {
          const target = targetOf(service, options);
          const status = await client.status(target);
          const view = await viewOf(client, surroundings, target);
          // Only what keeps the question from being answered is an error: a rolled-back rollout is an answer.
          const exit = status.kind === 'none' ? EXIT.error : EXIT.ok;
          return report(surroundings, options.output, {
            exit,
            failed: exit === EXIT.error,
            lines: [...screen(status, target, view()), ...evidenceLines(status)],
            value: valueOf(status, target),
          });
        }),
      ),
  );
}
