/**
 * One command of somebody's platform: JSON on its standard input, JSON on its standard output, no shell between.
 *
 * Exit code 0 is an answer. 75 (EX_TEMPFAIL) says *unknown*: it may or may not have acted. Any other code is a refusal for good,
 * and the first line of standard error says why. A command that takes too long, or dies by a signal, is unknown as well.
 */
import { spawn } from 'node:child_process';
import { permanent, transient } from '../../errors.js';

/** Program and arguments. */
export type Command = readonly string[];

const UNKNOWN = 75;
const LARGEST_OUTPUT = 1 << 20;

interface Ended {
  readonly code: number | null;
  readonly signal: string | null;
  readonly stdout: string;
  readonly stderr: string;
  readonly cause: 'itself' | 'time' | 'output';
}

/** The parsed output. `what` begins the messages: `exec, apply of "app"`. */
export async function runCommand(command: Command, input: object, timeoutMs: number, what: string): Promise<unknown> {
  const [program = ''] = command;
  const ended = await run(command, `${JSON.stringify(input)}\n`, timeoutMs, what);
  const { code, signal, stdout, stderr, cause } = ended;
  const reason = firstLine(stderr);
  if (cause === 'time')
    throw transient(
      `${what}: "${program}" took longer than ${String(Math.round(timeoutMs))} ms and was killed; the outcome is unknown, so read before you conclude`,
    );
  if (cause === 'output')
    throw permanent(`${what}: "${program}" printed more than ${String(LARGEST_OUTPUT)} bytes and was killed`);
  if (code === UNKNOWN || signal !== null) {
    throw transient(
      `${what}: "${program}" ended with ${signal ?? String(UNKNOWN)}: the outcome is unknown, so read before you conclude${reason === '' ? '' : `; it said: ${reason}`}`,
    );
  }
  if (code !== 0)
    throw permanent(
      `${what}: "${program}" ended with ${String(code)}${reason === '' ? ' and said nothing on standard error' : `: ${reason}`}`,
    );
  try {
    return JSON.parse(stdout);
  } catch {
    throw permanent(`${what}: "${program}" must print one JSON document; it printed "${stdout.trim().slice(0, 120)}"`);
  }
}

function run([program = '', ...words]: Command, input: string, timeoutMs: number, what: string): Promise<Ended> {
  return new Promise((resolve, reject) => {
    // A group of its own: what the program has started must end with it, or a write could still be on its way (I7).
    const child = spawn(program, words, { detached: true, stdio: 'pipe' });
    let cause: Ended['cause'] = 'itself';
    let [stdout, stderr] = ['', ''];
    const stop = (why: Ended['cause']): void => {
      cause = why;
      killGroup(child.pid);
      // Whoever left the group may hold them open for ever.
      child.stdout.destroy();
      child.stderr.destroy();
    };
    const timer = setTimeout(
      () => {
        stop('time');
      },
      Math.max(0, timeoutMs),
    );
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout += text;
      if (stdout.length > LARGEST_OUTPUT) stop('output');
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      if (stderr.length < 4_096) stderr += text;
    });
    // It may end without having read its input.
    child.stdin.on('error', () => undefined);
    child.stdin.end(input);
    child.once('error', (error: NodeJS.ErrnoException) => {
      clearTimeout(timer);
      if (child.pid === undefined) reject(notStarted(program, error, what));
    });
    child.once('close', (code, signal) => {
      clearTimeout(timer);
      resolve({ code, signal, stdout, stderr, cause });
    });
  });
}

function killGroup(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // It has just ended.
  }
}

function notStarted(program: string, error: NodeJS.ErrnoException, what: string): Error {
  const text = `${what}: "${program}" could not be started (${error.message})`;
  const isLacking = error.code === 'EAGAIN' || error.code === 'EMFILE' || error.code === 'ENFILE' || error.code === 'ENOMEM';
  return isLacking ? transient(text, error) : permanent(`${text}: expected a program that the worker may run`, error);
}

function firstLine(text: string): string {
  return (text.trimStart().split('\n')[0] ?? '').trim().slice(0, 300);
}
