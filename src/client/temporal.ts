import { Client, Connection, type ConnectionOptions } from '@temporalio/client';
import { dataConverterOf } from '../contract/data-converter.js';
import type { KeyRing } from '../contract/encryption.js';
import { TemporalProblem, translate, unreachable, type Place } from './problem.js';

export interface ConnectOptions {
  /** `host:port`. */
  readonly address: string;
  readonly namespace?: string;
  readonly tls?: ConnectionOptions['tls'];
  readonly apiKey?: string;
  /** Of `keyRingOf`: what is sent is encrypted, what is read decrypted. Absent: neither. */
  readonly keys?: KeyRing;
  /** How long the first connection may take, in milliseconds (5 s). */
  readonly withinMs?: number;
}

/** A connection and what messages call it. */
export interface Temporal extends Place {
  readonly client: Client;
  readonly connection: Connection;
  readonly keys?: KeyRing | undefined;
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
  keys,
  withinMs = CONNECT_MS,
}: ConnectOptions): Promise<Temporal> {
  const place = { address, namespace };
  // gRPC would refuse it with a message that shows it.
  if (apiKey !== undefined && !/^[\x21-\x7e]+$/.test(apiKey))
    throw new TemporalProblem(
      'refused',
      'the API key has characters that no header may have, a blank or a line break perhaps; check TEMPORAL_API_KEY or temporal.apiKey',
    );
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
  return { ...place, connection, keys, client: new Client({ connection, namespace, dataConverter: dataConverterOf(keys) }) };
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
