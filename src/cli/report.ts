/** One result in the three output formats. */
import { appendFileSync } from 'node:fs';
import { EXIT, type ExitCode } from './exit-codes.js';
import { CommandFailure } from './failure.js';
import type { Format } from './options.js';
import { oneLine } from './render/text.js';
import type { Surroundings } from './surroundings.js';

export interface Report {
  readonly exit: ExitCode;
  /** For people, and for GitHub's log. */
  readonly lines: readonly string[];
  /** The command could not do what was asked: the lines go to standard error, so that a pipe sees results only. */
  readonly failed?: boolean;
  /** For programs: what `-o json` prints, and the outputs of a GitHub step where they are plain. */
  readonly value: Readonly<Record<string, unknown>>;
  /** Markdown below the headline in a GitHub step's summary; the lines where absent. */
  readonly summary?: string;
}

/** Prints, and gives the exit code back. */
export function report(
  surroundings: Surroundings,
  format: Format,
  { exit, lines, value, summary, failed = false }: Report,
): ExitCode {
  if (format === 'json') {
    surroundings.out(JSON.stringify({ ...value, exitCode: exit }));
    return exit;
  }
  for (const line of lines) {
    if (failed) surroundings.err(`sluice: ${line}`);
    else surroundings.out(line);
  }
  if (format === 'github') tellGithub(surroundings, { exit, lines, value, ...(summary === undefined ? {} : { summary }) });
  return exit;
}

/** `::error::`, the step's outputs and its summary; each only where GitHub says where to put it. */
function tellGithub({ env, out }: Surroundings, { exit, lines, value, summary }: Report): void {
  const level = exit === EXIT.ok ? undefined : exit === EXIT.detached || exit === EXIT.held ? 'warning' : 'error';
  if (level !== undefined) out(`::${level} title=Sluice::${escaped(lines.join('\n'))}`);
  append(env['GITHUB_OUTPUT'], `${outputs({ ...value, exitCode: exit })}\n`);
  append(env['GITHUB_STEP_SUMMARY'], `${summary ?? ['```', ...lines, '```'].join('\n')}\n`);
}

/** Workflow commands end at a line break, and `%` begins an escape. */
const escaped = (text: string): string => text.replaceAll('%', '%25').replaceAll('\r', '%0D').replaceAll('\n', '%0A');

/** `exit-code=0`. Only plain values: the rest is in the JSON. A value on several lines could forge further outputs. */
export function outputs(value: Readonly<Record<string, unknown>>): string {
  return Object.entries(value)
    .filter((entry): entry is [string, string | number | boolean] => ['string', 'number', 'boolean'].includes(typeof entry[1]))
    .map(([name, plain]) => `${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}=${oneLine(String(plain))}`)
    .join('\n');
}

function append(file: string | undefined, text: string): void {
  if (file === undefined || file === '') return;
  try {
    appendFileSync(file, text);
  } catch {
    throw new CommandFailure([
      `cannot write ${file}, which GitHub names for the step's results; the rollout itself is not affected`,
    ]);
  }
}
