/** A Temporal for `dev` and `demo`: one that runs already, or a development server of our own. */
import { spawn, type ChildProcess } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { createServer } from 'node:net';
import { dirname } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { SluiceClient } from '../../client/index.js';
import type { Environment } from '../../spec/substitution.js';
import { freePort } from '../../worker/free-ports.js';
import { fail } from '../failure.js';
import { oneLine } from '../render/text.js';
import { findTemporalCli, type CliSearch } from './temporal-cli.js';

export type ResolvedTemporal =
  /** Somebody else's: it is used and never stopped. */
  | { readonly kind: 'running'; readonly address: string }
  | { readonly kind: 'binary'; readonly path: string; readonly from: string };

/** TEMPORAL_ADDRESS first: who names a server means it (design.md §5). */
export async function resolveTemporal(search: CliSearch): Promise<ResolvedTemporal> {
  const address = addressOf(search.env);
  return address === undefined ? { kind: 'binary', ...(await findTemporalCli(search)) } : { kind: 'running', address };
}

function addressOf(env: Environment): string | undefined {
  const address = env['TEMPORAL_ADDRESS'];
  return address === undefined || address === '' ? undefined : address;
}

export interface ServerOptions {
  /** The Temporal CLI. */
  readonly binary: string;
  /** Survives a restart; without it everything is in memory. Its folder is made. */
  readonly databaseFile?: string;
  /** 0 takes a free one. */
  readonly port: number;
  readonly uiPort: number;
}

export interface TemporalServer {
  readonly address: string;
  readonly uiUrl: string;
  /** When the server has ended, asked or not. */
  readonly ended: Promise<void>;
  stop(): Promise<void>;
  /** SIGKILL: as a machine that is gone. */
  kill(): void;
}

const READY_MS = 30_000;
const LOOK_EVERY_MS = 100;
/** Its first words say why it ends; what follows is where it was in its code. */
const SAID_AT_MOST = 500;
const GRACE_MS = 5_000;
const HOST = '127.0.0.1';

/** Returns when the server answers. */
export async function startTemporalServer(options: ServerOptions): Promise<TemporalServer> {
  const [port, uiPort] = [await portOr(options.port, 'Temporal'), await portOr(options.uiPort, "Temporal's UI")];
  const address = `${HOST}:${port}`;
  if (options.databaseFile !== undefined) mkdirSync(dirname(options.databaseFile), { recursive: true });
  // In a process group of its own: Ctrl-C is for us, and the worker hands over before its server ends.
  const child = spawn(options.binary, argumentsOf(options, port, uiPort), {
    stdio: ['ignore', 'ignore', 'pipe'],
    detached: true,
  });
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said = (said + text).slice(0, SAID_AT_MOST);
  });
  // Whoever interrupts twice ends this process at once; its own group would let the server live on.
  const endWithUs = (): void => void child.kill('SIGTERM');
  process.once('exit', endWithUs);
  // Not before `close`: what it said last may come after its exit.
  const ended = new Promise<string>((resolve) => {
    child.once('error', (error) => {
      resolve(`could not be started: ${error.message}`);
    });
    child.once('close', (code, signal) => {
      process.off('exit', endWithUs);
      resolve(`ended with ${signal ?? `code ${String(code)}`}`);
    });
  });
  const problem = await untilItAnswers(address, ended);
  if (problem === undefined)
    return {
      address,
      uiUrl: `http://${HOST}:${uiPort}`,
      ended: ended.then(() => undefined),
      stop: () => stop(child, ended),
      kill: () => void child.kill('SIGKILL'),
    };
  await stop(child, ended);
  throw fail(`the Temporal development server ${problem} (${options.binary}; it said: ${oneLine(said) || 'nothing'})`);
}

function argumentsOf({ databaseFile }: ServerOptions, port: number, uiPort: number): readonly string[] {
  return [
    'server',
    'start-dev',
    '--ip',
    HOST,
    '--port',
    String(port),
    '--ui-port',
    String(uiPort),
    '--log-level',
    'error',
    // Without the two pragmas, 200 starts take twelve seconds instead of one and a half.
    ...(databaseFile === undefined
      ? []
      : ['--db-filename', databaseFile, '--sqlite-pragma', 'journal_mode=WAL', '--sqlite-pragma', 'synchronous=NORMAL']),
  ];
}

/** Or what is wrong. */
async function untilItAnswers(address: string, ended: Promise<string>): Promise<string | undefined> {
  const until = Date.now() + READY_MS;
  while (Date.now() < until) {
    const answers = await Promise.race([itAnswers(address), ended]);
    if (answers === true) return undefined;
    if (typeof answers === 'string') return answers;
    await pause(LOOK_EVERY_MS);
  }
  return `did not answer within ${READY_MS / 1_000} s`;
}

async function itAnswers(address: string): Promise<boolean> {
  try {
    const client = await SluiceClient.connect({ address, withinMs: 1_000 });
    // The port is open before the namespace is there.
    await client.list({ limit: 1 });
    await client.close();
    return true;
  } catch {
    return false;
  }
}

async function stop(child: ChildProcess, ended: Promise<unknown>): Promise<void> {
  child.kill('SIGTERM');
  await Promise.race([ended, pause(GRACE_MS, undefined, { ref: false })]);
  child.kill('SIGKILL');
  await ended;
}

/** The port itself where it is free, any where it is 0; one that is taken is said before the server dies of it. */
function portOr(port: number, what: string): Promise<number> {
  if (port === 0) return freePort();
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', () => {
      reject(fail(`port ${port} for ${what} is taken; stop what listens there (lsof -i :${port}), or choose another port`));
    });
    server.listen(port, HOST, () => {
      server.close(() => {
        resolve(port);
      });
    });
  });
}
