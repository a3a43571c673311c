import type { Command } from 'commander';
import { digestOf } from '../../spec/digest.js';
import { EXIT } from '../exit-codes.js';
import { fail } from '../failure.js';
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
import { senderOf, withClient } from '../session.js';
import { continueFrom, withTimeout, type WaitOptions } from './start.js';

interface Options extends PlaceOptions, FormatOptions, TargetOptions, WaitOptions {
  readonly by?: string;
}

/** After a promotion (A26); a rollout that is still open is aborted instead. Waits by itself: 0 is "everybody is back". */
export function rollbackCommand(program: Command, run: Run): void {
  const command = withTarget(
    program.command('rollback').description('after a promotion: the previous revision back at 100 %'),
  ).option('--by <name>', 'who says so');
  withTimeout(withFormat(withPlace(command.option('--no-wait', 'start it and leave')))).action(
    (service: string, options: Options) =>
      run((surroundings) =>
        withClient(surroundings, options, async (client) => {
          const target = targetOf(service, options);
          const begun = await client.rollback(target, { starter: senderOf(surroundings, options.by), digestOf });
          if (begun.kind === 'none') throw fail(begun.reason, EXIT.refused);
          // Everybody is back, for good: the drain of the revision that they left need not be waited for.
          const goal = options.wait === false ? undefined : 'durable';
          return continueFrom(client, surroundings, { plan: begun.plan, outcome: begun.start, goal }, options);
        }),
      ),
  );
}
