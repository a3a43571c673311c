import type { Command } from 'commander';
import { endingOf } from '../ending.js';
import { follow } from '../follow.js';
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
import { report } from '../report.js';
import { withClient } from '../session.js';
import { paintOf } from '../surroundings.js';

type Options = PlaceOptions & FormatOptions & TargetOptions;

export function watchCommand(program: Command, run: Run): void {
  withFormat(
    withPlace(
      withTarget(program.command('watch').description('follow a rollout until it has closed; leaving it changes nothing')),
    ),
  ).action((service: string, options: Options) =>
    run((surroundings) =>
      withClient(surroundings, options, async (client) => {
        const target = targetOf(service, options);
        const followed = await follow(client, surroundings, target, { goal: 'end', format: options.output });
        return report(surroundings, options.output, endingOf(followed, target, paintOf(surroundings)));
      }),
    ),
  );
}
