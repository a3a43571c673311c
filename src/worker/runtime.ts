import type { Logger } from 'pino';
import { IllegalStateError } from '@temporalio/common';
import { Runtime, type TelemetryOptions } from '@temporalio/worker';
import { freePort } from './free-ports.js';
import type { WorkerOptions } from './options.js';
import { temporalLogger } from './temporal-logger.js';

export interface InstalledRuntime {
  /** Where the SDK's own metrics can be read; undefined where they go elsewhere or nowhere. */
  readonly sdkMetricsUrl: string | undefined;
}

let installed: InstalledRuntime | undefined;

/** The SDK has one Runtime per process; logger and metrics must be there before any Worker. A second worker shares the first one's. */
export async function installRuntime(
  logger: Logger,
  sdkMetrics: NonNullable<WorkerOptions['sdkMetrics']> = { kind: 'prometheus' },
): Promise<InstalledRuntime> {
  // The SDK does not tell which port it took, so one is chosen for it.
  const port = sdkMetrics.kind === 'prometheus' ? await freePort() : undefined;
  const metrics = metricsOf(sdkMetrics, port);
  try {
    Runtime.install({
      logger: temporalLogger(logger.child({ component: 'temporal' })),
      telemetryOptions: {
        logging: { filter: { core: 'WARN', other: 'ERROR' }, forward: {} },
        ...(metrics === undefined ? {} : { metrics }),
      },
      // Whoever starts the worker ends it: the command line on its signals, a test on its end.
      shutdownSignals: [],
    });
    installed = { sdkMetricsUrl: port === undefined ? undefined : `http://127.0.0.1:${port}/metrics` };
  } catch (error) {
    if (!(error instanceof IllegalStateError)) throw error;
    logger.debug('the SDK is installed in this process already: its logger and metrics are shared');
  }
  return installed ?? { sdkMetricsUrl: undefined };
}

function metricsOf(sdkMetrics: NonNullable<WorkerOptions['sdkMetrics']>, port: number | undefined): TelemetryOptions['metrics'] {
  if (sdkMetrics.kind === 'otel') return { otel: { url: sdkMetrics.url } };
  // Loopback only: outside it is read through /metrics.
  return port === undefined
    ? undefined
    : {
        prometheus: {
          bindAddress: `127.0.0.1:${port}`,
          countersTotalSuffix: true,
          unitSuffix: true,
          useSecondsForDurations: true,
        },
      };
}
