import { Command, CommanderError } from 'commander';
import { EXIT, type ExitCode } from './exit-codes.js';
import { describeFailure } from './failure.js';
import { codecServerCommand } from './commands/codec-server.js';
import { compareCommand } from './commands/compare.js';
import { demoCommand } from './commands/demo.js';
import { devCommand } from './commands/dev.js';
import { doctorCommand } from './commands/doctor.js';
import { drillCommand } from './commands/drill.js';
import { exporterCommand } from './commands/exporter.js';
import { initCommand } from './commands/init.js';
import { listCommand } from './commands/list.js';
import { messageCommands } from './commands/messages.js';
import { planCommand } from './commands/plan.js';
import { rollbackCommand } from './commands/rollback.js';
import { startCommand } from './commands/start.js';
import { statusCommand } from './commands/status.js';
import { timelineCommand } from './commands/timeline.js';
import { validateCommand } from './commands/validate.js';
import { watchCommand } from './commands/watch.js';
import { whatIfCommand } from './commands/what-if.js';
import { workerCommand } from './commands/worker.js';
import { oneLine } from './render/text.js';
import type { Surroundings } from './surroundings.js';

/** How a command hands over its work; the exit code is what the work gives. */
export type Run = (work: (surroundings: Surroundings) => Promise<ExitCode>) => Promise<void>;

const COMMANDS = [
  initCommand,
  validateCommand,
  planCommand,
  startCommand,
  statusCommand,
  watchCommand,
  listCommand,
  messageCommands,
  rollbackCommand,
  timelineCommand,
  whatIfCommand,
  compareCommand,
  drillCommand,
  doctorCommand,
  exporterCommand,
  codecServerCommand,
  workerCommand,
  devCommand,
  demoCommand,
] as const;

/** One command line to its exit code. Never throws and never ends the process. */
export async function runCommandLine(words: readonly string[], surroundings: Surroundings): Promise<ExitCode> {
  let exit: ExitCode = EXIT.ok;
  const program = new Command('sluice')
    .description('Moves users from one revision to the next in small weights, and back the moment the new one is worse.')
    .exitOverride()
    .configureOutput({
      writeOut: (text) => {
        surroundings.out(text.trimEnd());
      },
      writeErr: (text) => {
        surroundings.err(text.trimEnd());
      },
      outputError: (text) => {
        surroundings.err(`sluice: ${oneLine(text.replace(/^error: /, ''))}; --help shows what is allowed`);
      },
    });
  for (const register of COMMANDS) {
    register(program, async (work) => {
      exit = await work(surroundings);
    });
  }
  try {
    await program.parseAsync(words, { from: 'user' });
    return exit;
  } catch (error) {
    // Commander has said already what was wrong with the words; help is no error.
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.error;
    const { lines, exit: code } = describeFailure(error, { debug: surroundings.env['SLUICE_DEBUG'] === '1' });
    for (const line of lines) surroundings.err(`sluice: ${line}`);
    return code;
  }
}
