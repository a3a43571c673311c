import { InvalidArgumentError, type Command } from 'commander';
import type { CompareOptions } from '../compare/compare-now.js';
import { parseLabelSet, type LabelSet } from '../compare/label-sets.js';
import { DEFAULT_CONFIG } from '../files.js';
import { collect, durationArgument, withFormat } from '../options.js';
import type { Run } from '../program.js';

export function compareCommand(program: Command, run: Run): void {
  const command = program
    .command('compare')
    .description('judge two label sets of a metric source as candidate and stable; without a rollout, Temporal or a router')
    .requiredOption('--source <name>', 'a metrics connection of the configuration')
    .requiredOption('--stable <labels>', `as version="41"`, labelSetArgument)
    .requiredOption('--candidate <labels>', `as version="42"`, labelSetArgument)
    .option('--since <duration>', 'look back so far (1h); for a source that remembers', durationArgument)
    .option('--watch <duration>', 'watch from now on for so long (5m), and end at the first failure', durationArgument)
    .option('--policy <file>', 'a rollout, of which the gates, alpha, risk and steps count (profile standard)')
    .option('--set <path=value>', 'over that file; may be repeated', collect, [])
    .option('--service <name>', 'value of the label that tells services apart, where the source has one')
    .option('--config <file>', "the platform's configuration", DEFAULT_CONFIG);
  withFormat(command).action((options: CompareOptions) =>
    run(async (surroundings) => {
      // Here, because an abort must not wait for the metric adapters.
      const { compareNow } = await import('../compare/compare-now.js');
      return compareNow(surroundings, options);
    }),
  );
}

function labelSetArgument(text: string): LabelSet {
  const labels = parseLabelSet(text);
  if (labels === undefined) throw new InvalidArgumentError('expected labels such as version="41",region="eu"');
  return labels;
}
