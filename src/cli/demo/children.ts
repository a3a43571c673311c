/** Child processes of the demo and of drills: started, awaited until they answer, ended by their process ids. */
import { spawn, type ChildProcess } from 'node:child_process';
import { createWriteStream } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { fail } from '../failure.js';

export interface Child {
  readonly pid: number;
  stop(): Promise<void>;
  /** SIGKILL: no goodbye, no hand-over. */
  kill(): void;
}

const MAIN = fileURLToPath(new URL(`../main${import.meta.url.endsWith('.ts') ? '.ts' : '.js'}`, import.meta.url));

/** Arguments of Node that make it our own command line. */
export const sluice = (...words: readonly string[]): readonly string[] => [...process.execArgv, MAIN, ...words];

const GRACE_MS = 5_000;
/** On a busy machine the worker bundles its workflows for half a minute. */
const READY_MS = 120_000;
const LOOK_EVERY_MS = 50;

export interface Program {
  readonly name: string;
  readonly file: string;
  readonly arguments: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  /** What the program prints goes here. */
  readonly logFile: string;
}

/** Returns when `ready` holds; fails with the program's name when it ends first or takes longer than `withinMs`. */
export async function startChild(program: Program, ready: () => Promise<boolean>, withinMs = READY_MS): Promise<Child> {
  const log = createWriteStream(program.logFile, { flags: 'a' });
  const child = spawn(program.file, program.arguments, {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...program.environment },
  });
  child.stdout.pipe(log);
  child.stderr.pipe(log);
  const ended = new Promise<never>((_, reject) => {
    child.once('error', (error) => {
      reject(new Error(`${program.name} could not be started: ${error.message}`));
    });
    child.once('exit', (code) => {
      reject(new Error(`${program.name} ended with ${String(code)}; see ${program.logFile}`));
    });
  });
  ended.catch(() => undefined);
  try {
    await Promise.race([ended, until(ready, withinMs, program)]);
  } catch (error) {
    await end(child);
    throw error;
  }
  return { pid: child.pid ?? 0, stop: () => end(child), kill: () => void child.kill('SIGKILL') };
}

async function until(ready: () => Promise<boolean>, withinMs: number, { name, logFile }: Program): Promise<void> {
  const begun = performance.now();
  while (!(await ready().catch(() => false))) {
    if (performance.now() - begun > withinMs)
      throw fail(`the ${name} did not answer within ${withinMs / 1_000} s; what it said: ${logFile}`);
    await pause(LOOK_EVERY_MS);
  }
}

async function end(child: ChildProcess): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise<void>((resolve) =>
    child.once('exit', () => {
      resolve();
    }),
  );
  child.kill('SIGTERM');
  const hard = setTimeout(() => child.kill('SIGKILL'), GRACE_MS);
  await gone;
  clearTimeout(hard);
}

export const answers = async (url: string): Promise<boolean> =>
  (await fetch(url, { signal: AbortSignal.timeout(2_000) })).status < 500;

export const isReady = async (url: string): Promise<boolean> => (await fetch(url, { signal: AbortSignal.timeout(2_000) })).ok;
