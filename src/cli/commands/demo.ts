import { InvalidArgumentError, type Command } from 'commander';
import type { DemoOptions } from '../demo/demo.js';
import type { Run } from '../program.js';

export function demoCommand(program: Command, run: Run): void {
  program
    .command('demo')
    .description('three rollouts of a small real service, through HAProxy where it is installed; ends by itself')
    .option('--keep', 'leave everything running at the end', false)
    .option('--edge', 'route through the embedded edge even where HAProxy is installed', false)
    .option('--rps <number>', 'requests a second', requestsPerSecond, 300)
    .action((options: DemoOptions) =>
      run(async (surroundings) => {
        // Here, because no other command needs a proxy and an exporter in its process.
        const { demo } = await import('../demo/demo.js');
        return demo(surroundings, options);
      }),
    );
}

function requestsPerSecond(text: string): number {
  const number = Number(text);
  if (!Number.isInteger(number) || number < 50 || number > 2_000) throw new InvalidArgumentError('expected 50 to 2000');
  return number;
}
