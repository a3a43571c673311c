import type { Logger } from 'pino';
import { NativeConnection, type NativeConnectionOptions } from '@temporalio/worker';
import type { PlatformConfig } from '../spec/platform.js';
import type { Resolved } from '../spec/secrets.js';
import type { TemporalPlace } from './options.js';
import { tlsOf } from './tls.js';

export interface Place {
  readonly address: string;
  readonly namespace: string;
  readonly options: NativeConnectionOptions;
}

export function placeOf(configured: Resolved<PlatformConfig>['temporal'], given: TemporalPlace = {}): Place {
  const address = given.address ?? configured.address;
  const apiKey = given.apiKey ?? configured.apiKey;
  const tls = given.tls ?? configured.tls;
  return {
    address,
    namespace: given.namespace ?? configured.namespace,
    options: {
      address,
      ...(apiKey === undefined ? {} : { apiKey }),
      ...(tls === undefined ? {} : { tls: typeof tls === 'boolean' ? tls : tlsOf(tls) }),
    },
  };
}

const FIRST_PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 5_000;

/** Tries until Temporal answers and has the namespace: a worker may be up before its server. Undefined when `stop` came first. */
export async function connectPatiently(
  { address, namespace, options }: Place,
  logger: Logger,
  stop: AbortSignal,
): Promise<NativeConnection | undefined> {
  for (let pauseMs = FIRST_PAUSE_MS; !stop.aborted; pauseMs = Math.min(LONGEST_PAUSE_MS, pauseMs * 2)) {
    let connection: NativeConnection | undefined;
    try {
      connection = await NativeConnection.connect(options);
      await connection.withDeadline(Date.now() + LONGEST_PAUSE_MS, () =>
        (connection as NativeConnection).workflowService.describeNamespace({ namespace }),
      );
      return connection;
    } catch (error) {
      await connection?.close();
      logger.warn(
        { address, namespace, error: error instanceof Error ? error.message : String(error) },
        'Temporal does not answer yet; trying again',
      );
      await pause(pauseMs, stop);
    }
  }
  return undefined;
}

function pause(ms: number, stop: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const wake = (): void => {
      clearTimeout(timer);
      stop.removeEventListener('abort', wake);
      resolve();
    };
    const timer = setTimeout(wake, ms);
    stop.addEventListener('abort', wake, { once: true });
    if (stop.aborted) wake();
  });
}
