/**
 * How an instance goes (R15, R16): not ready, then no new connections, then it waits for whatever is open. Nothing is ever closed
 * by force; a platform that cannot wait sends SIGKILL.
 */
import type { Server } from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';
import { checkOptions, having, ifGiven, optional } from '../options.js';
import type { Service } from './service.js';

export interface DrainOptions {
  /** Connections are closed to newcomers by this; without it only jobs and open requests are awaited. */
  readonly server?: Pick<Server, 'close' | 'closeIdleConnections'> | undefined;
  /** How long the instance goes on taking requests after it said that it is not ready, in milliseconds; 5 s. Balancers look again meanwhile. */
  readonly settleMs?: number | undefined;
}

export interface Drained {
  /** Open when no more was taken. */
  readonly waitedFor: number;
}

const SETTLE_MS = 5_000;
const IDLE_EVERY_MS = 100;

const WANTS = { server: ifGiven(having('closeIdleConnections', 'a server of node:http')), settleMs: optional('duration') };

/** Resolves when SIGTERM has come and everything has ended. The caller closes its pools then; nothing here ends the process. */
export async function drainOnSigterm(service: Service, options: DrainOptions = {}): Promise<Drained> {
  check(options);
  service.turnOn('drain');
  // It stays: a second signal must not end what the first one waits for.
  await new Promise<void>((resolve) => process.on('SIGTERM', resolve));
  return drain(service, options);
}

export async function drain(service: Service, options: DrainOptions = {}): Promise<Drained> {
  check(options);
  const { server, settleMs = SETTLE_MS } = options;
  service.beginDrain();
  await pause(settleMs);
  const waitedFor = service.open;
  const closed = server === undefined ? Promise.resolve() : closing(server);
  await Promise.all([closed, service.idle()]);
  return { waitedFor };
}

/** When the signal comes it is too late to say that an option is wrong. */
function check(options: DrainOptions): void {
  checkOptions<DrainOptions>('a drain', options, WANTS);
}

/** A connection that is kept alive becomes idle after its answer, and would hold the server open until its timeout. */
async function closing(server: NonNullable<DrainOptions['server']>): Promise<void> {
  const closed = new Promise<void>((resolve) =>
    server.close(() => {
      resolve();
    }),
  );
  const timer = setInterval(() => {
    server.closeIdleConnections();
  }, IDLE_EVERY_MS);
  await closed;
  clearInterval(timer);
}
