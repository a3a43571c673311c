/**
 * Child processes of the tests: started, watched, and ended by their own id, never by name.
 *
 * A test that leaves a child behind fails, because the next test would meet its ports and its writes: when this process
 * ends, every child still alive is killed, named on standard error, and turns the exit code to 1. Children do not keep
 * this process alive, so that a leak is a failure and not a hang.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import type { Socket } from 'node:net';
import { childrenOf, isAlive } from './alive.js';
import { until } from './until.js';

export interface Command {
  /** How messages call the process. */
  readonly name: string;
  readonly file: string;
  readonly arguments: readonly string[];
  /** Added to this process's environment. `undefined` takes a variable away. */
  readonly environment?: Readonly<Record<string, string | undefined>>;
  readonly folder?: string;
}

export interface Exit {
  /** Null when a signal ended the process. */
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface Finished extends Exit {
  readonly stdout: string;
  readonly stderr: string;
}

const living = new Set<ManagedProcess>();

/** One child process. Made by `startProcess`. */
export class ManagedProcess {
  readonly #child: ChildProcess;
  readonly #exited: Promise<Exit>;
  #exit: Exit | undefined;
  #stdout = '';
  #stderr = '';

  constructor(readonly command: Command) {
    this.#child = spawn(command.file, command.arguments, {
      cwd: command.folder,
      env: { ...process.env, ...command.environment },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    living.add(this);
    this.#child.stdout?.setEncoding('utf8').on('data', (text: string) => (this.#stdout += text));
    this.#child.stderr?.setEncoding('utf8').on('data', (text: string) => (this.#stderr += text));
    this.#exited = new Promise((resolve) => {
      const ended = (exit: Exit): void => {
        this.#exit ??= exit;
        living.delete(this);
        resolve(exit);
      };
      this.#child.once('error', (error) => {
        this.#stderr += `\n${error.message}\n`;
        if (this.#child.pid === undefined) ended({ code: 127, signal: null });
      });
      // 'close' and not 'exit': only then has everything that the process printed arrived.
      this.#child.once('close', (code, signal) => {
        ended({ code, signal });
      });
    });
    this.#keepAwake(false);
  }

  get name(): string {
    return this.command.name;
  }

  /** 0 if the program could not be started at all. */
  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** Undefined while the process runs. */
  get exit(): Exit | undefined {
    return this.#exit;
  }

  get stdout(): string {
    return this.#stdout;
  }

  get stderr(): string {
    return this.#stderr;
  }

  /** Both streams, for messages. */
  get output(): string {
    return `${this.#stdout}${this.#stderr}`;
  }

  /** SIGSTOP and SIGCONT make a stalled worker; SIGUSR2 reloads HAProxy. Says whether there was a process to signal. */
  signal(signal: NodeJS.Signals): boolean {
    return this.#exit === undefined && this.#child.kill(signal);
  }

  async waitForExit(wait: { readonly withinMs: number }): Promise<Finished> {
    this.#keepAwake(true);
    try {
      const what = `the end of ${this.name} (pid ${String(this.pid)}); its last words: ${this.output.slice(-2_000)}`;
      const exit = await until(() => this.#exit, { withinMs: wait.withinMs, what });
      return { ...exit, stdout: this.#stdout, stderr: this.#stderr };
    } finally {
      this.#keepAwake(false);
    }
  }

  /** Asks with SIGTERM, insists with SIGKILL after `graceMs` (5 s), and waits until the process and its children are gone. */
  async stop(options: { readonly graceMs?: number } = {}): Promise<Exit> {
    const family = childrenOf(this.pid);
    this.signal('SIGCONT');
    this.signal('SIGTERM');
    try {
      await this.waitForExit({ withinMs: options.graceMs ?? 5_000 });
    } catch {
      return this.kill();
    }
    await endAll(family);
    return this.#exited;
  }

  /** SIGKILL to the process and its children: nothing of it runs on when this returns. */
  async kill(): Promise<Exit> {
    const family = childrenOf(this.pid);
    this.signal('SIGKILL');
    await endAll(family);
    await this.waitForExit({ withinMs: 5_000 });
    return this.#exited;
  }

  /** Only for the end of this process, when nothing can be awaited any more. */
  killWithoutWaiting(): void {
    for (const pid of childrenOf(this.pid)) killPid(pid);
    if (this.pid > 0) killPid(this.pid);
  }

  #keepAwake(awake: boolean): void {
    for (const part of [this.#child, this.#child.stdout as Socket | null, this.#child.stderr as Socket | null]) {
      if (awake) part?.ref();
      else part?.unref();
    }
  }
}

/** Starts a process and, if told how to recognise it, waits until it is ready. One that ends before that is an error. */
export async function startProcess(
  command: Command,
  ready?: { readonly isReady: (child: ManagedProcess) => boolean | Promise<boolean>; readonly withinMs: number },
): Promise<ManagedProcess> {
  const child = new ManagedProcess(command);
  if (ready === undefined) return child;
  const settled = async (): Promise<'ready' | 'ended' | false> => {
    if (child.exit !== undefined) return 'ended';
    return (await ready.isReady(child)) && 'ready';
  };
  try {
    const state = await until(settled, { withinMs: ready.withinMs, what: `${command.name} to be ready` });
    if (state === 'ready') return child;
  } catch (error) {
    await child.kill();
    throw new Error(`${String(error)}\n${child.output.slice(-4_000)}`);
  }
  throw new Error(`${command.name} ended (${JSON.stringify(child.exit)}) before it was ready:\n${child.output.slice(-4_000)}`);
}

/** Runs a program to its end; whatever its exit code, the caller judges it. */
export async function runToEnd(command: Command, wait: { readonly withinMs: number }): Promise<Finished> {
  const child = new ManagedProcess(command);
  try {
    return await child.waitForExit(wait);
  } catch (error) {
    await child.kill();
    throw error;
  }
}

/** The children that now run, for tests that assert that none is left. */
export function livingProcesses(): readonly ManagedProcess[] {
  return [...living];
}

async function endAll(pids: readonly number[]): Promise<void> {
  for (const pid of pids) killPid(pid);
  const gone = (): boolean => !pids.some(isAlive);
  await until(gone, { withinMs: 5_000, what: `the end of processes ${pids.join(', ')}` });
}

function killPid(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It ended by itself, which is what we want.
  }
}

process.on('exit', () => {
  for (const child of living) {
    process.stderr.write(`leaked child process: ${child.name} (pid ${String(child.pid)}); killed\n`);
    child.killWithoutWaiting();
    process.exitCode = 1;
  }
});

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => {
    process.exit(1);
  });
}
