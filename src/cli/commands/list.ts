import type { Command } from 'commander';
import { EXIT } from '../exit-codes.js';
import { withFormat, withPlace, type FormatOptions, type PlaceOptions } from '../options.js';
import type { Run } from '../program.js';
import { rolloutTable } from '../render/rollouts.js';
import { report } from '../report.js';
import { withClient } from '../session.js';

interface Options extends PlaceOptions, FormatOptions {
  readonly service?: string;
  readonly env?: string;
  readonly phase?: string;
  readonly outcome?: string;
  readonly all?: boolean;
}

export function listCommand(program: Command, run: Run): void {
  const command = program
    .command('list')
    .description('the rollouts that are open')
    .option('--service <service>', 'of this service')
    .option('--env <environment>', 'in this environment')
    .option('--phase <phase>', 'in this phase, as frozen')
    .option('--outcome <outcome>', 'that ended so, as rolled-back; with --all')
    .option('--all', 'closed ones as well');
  withFormat(withPlace(command)).action(({ service, env, phase, outcome, all, ...options }: Options) =>
    run((surroundings) =>
      withClient(surroundings, options, async (client) => {
        const rollouts = await client.list({
          ...(service === undefined ? {} : { service }),
          ...(env === undefined ? {} : { environment: env }),
          ...(phase === undefined ? {} : { phase }),
          ...(outcome === undefined ? {} : { outcome }),
          ...(all === undefined ? {} : { all }),
        });
        const lines =
          rollouts.length === 0
            ? [`no ${all === true ? '' : 'open '}rollouts${all === true ? '' : '; closed ones: sluice list --all'}`]
            : rolloutTable(rollouts);
        return report(surroundings, options.output, { exit: EXIT.ok, lines, value: { rollouts } });
      }),
    ),
  );
}
