import { Client, Connection, type ConnectionOptions } from '@temporalio/client';
import { translate, unreachable, type Place } from './problem.js';

export interface ConnectOptions {
  /** `host:port`. */
  readonly address: string;
  readonly namespace?: string;
  readonly tls?: ConnectionOptions['tls'];
  readonly apiKey?: string;
  /** How long the first connection may take, in milliseconds (5 s). */
  readonly withinMs?: number;
}

/** A connection and what messages call it. */
export interface Temporal extends Place {
  readonly client: Client;
  readonly connection: Connection;
}

const CONNECT_MS = 5_000;
/** Longest time for a call that does not wait for anybody: without a deadline gRPC tries for ever. */
const CALL_MS = 10_000;

/** Throws a `TemporalProblem` when nobody answers there. */
export async function connect({
  address,
  namespace = 'default',
  tls,
  apiKey,
  withinMs = CONNECT_MS,
}: ConnectOptions): Promise<Temporal> {
  const place = { address, namespace };
  const options: ConnectionOptions = {
    address,
    connectTimeout: withinMs,
    ...(tls === undefined ? {} : { tls }),
    ...(apiKey === undefined ? {} : { apiKey }),
  };
  const connection = Connection.lazy(options);
  try {
    await connection.ensureConnected();
  } catch (error) {
    await connection.close();
    const failed = error instanceof Error && /before the deadline|timed? ?out/i.test(error.message);
    throw failed ? unreachable(place, `waited ${withinMs / 1_000} s`, error) : translate(error, place);
  }
  return { ...place, connection, client: new Client({ connection, namespace }) };
}

/** One call with a deadline; errors come out in our words (`translate`). */
export async function call<T>(temporal: Temporal, fn: () => Promise<T>, withinMs = CALL_MS): Promise<T> {
  try {
    return await temporal.connection.withDeadline(Date.now() + withinMs, fn);
  } catch (error) {
    throw translate(error, temporal);
  }
}

/** A call that may take as long as a rollout; only the caller's signal ends it. */
export async function longCall<T>(temporal: Temporal, signal: AbortSignal | undefined, fn: () => Promise<T>): Promise<T> {
  try {
    return await (signal === undefined ? fn() : temporal.connection.withAbortSignal(signal, fn));
  } catch (error) {
    throw translate(error, temporal);
  }
}
