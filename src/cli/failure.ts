import { TemporalProblem } from '../client/index.js';
import { EXIT, type ExitCode } from './exit-codes.js';
import { oneLine } from './render/text.js';

/** A foreseeable end of a command: every line says what was found, what was expected and what to do. */
export class CommandFailure extends Error {
  override readonly name = 'CommandFailure';

  constructor(
    readonly lines: readonly string[],
    readonly exit: ExitCode = EXIT.error,
  ) {
    super(lines.join('\n'));
  }
}

export const fail = (line: string, exit: ExitCode = EXIT.error): CommandFailure => new CommandFailure([line], exit);

/** What the person sees and what the shell gets. A stack trace helps neither, except the one who asks for it. */
export function describeFailure(
  error: unknown,
  { debug }: { readonly debug: boolean },
): { readonly lines: readonly string[]; readonly exit: ExitCode } {
  if (error instanceof CommandFailure) return { lines: error.lines, exit: error.exit };
  if (error instanceof TemporalProblem) return { lines: [error.message], exit: EXIT.error };
  if (debug) return { lines: [error instanceof Error ? (error.stack ?? error.message) : String(error)], exit: EXIT.error };
  const message = error instanceof Error ? error.message : String(error);
  return { lines: [`${oneLine(message)} (not foreseen; SLUICE_DEBUG=1 shows where)`], exit: EXIT.error };
}
