import { fileURLToPath } from 'node:url';
import type { Logger } from 'pino';
import {
  bundleWorkflowCode,
  Worker,
  type NativeConnection,
  type WorkerOptions as SdkOptions,
  type WorkflowBundle,
} from '@temporalio/worker';
import type { RolloutActivities } from '../contract/activities.js';
import { dataConverterOf } from '../contract/data-converter.js';
import type { KeyRing } from '../contract/encryption.js';
import { LONG_TASK_QUEUE, TASK_QUEUE } from '../contract/names.js';
import type { WorkerVersion } from './options.js';
import { temporalLogger } from './temporal-logger.js';

export interface WorkersWanted {
  readonly connection: NativeConnection;
  readonly namespace: string;
  readonly activities: RolloutActivities;
  /** Open rollouts that this worker takes on. */
  readonly rollouts: number;
  readonly heartbeatThrottleMs: number;
  readonly shutdownGraceMs: number;
  readonly workflowBundle: string | undefined;
  readonly identity: string | undefined;
  /** Undefined: unversioned. */
  readonly version: WorkerVersion | undefined;
  /** Undefined: payloads are not encrypted. */
  readonly keys: KeyRing | undefined;
  readonly logger: Logger;
}

const WORKFLOWS = fileURLToPath(new URL('../workflows', import.meta.url));

/** As the SDK would by itself, and for its logger at `info`: webpack lists every module there. */
function bundle({ keys, logger }: Pick<WorkersWanted, 'keys' | 'logger'>): Promise<WorkflowBundle> {
  const { payloadConverterPath, failureConverterPath } = dataConverterOf(keys);
  return bundleWorkflowCode({
    workflowsPath: WORKFLOWS,
    logger: temporalLogger(logger.child({ component: 'bundler' }), { INFO: 'debug' }),
    ...(payloadConverterPath === undefined ? {} : { payloadConverterPath }),
    ...(failureConverterPath === undefined ? {} : { failureConverterPath }),
  });
}

/** Those that last as long as a step. */
const LONG: readonly string[] = ['superviseRamp', 'warmUp', 'waitForDrain'] satisfies (keyof RolloutActivities)[];

/** Short activities come and go; a rollout rarely has two at once. */
const FEWEST_SHORT = 100;
/** After the grace time long activities are cancelled and hand over within a tick; a worker that still hangs is given up. */
const FORCE_AFTER_MS = 30_000;

/**
 * Two workers in one process. Long activities have a queue of their own with two slots a rollout (one supervises while the next
 * begins): on one queue, 101 supervisions on 100 slots let an abort wait 19.6 s [run].
 */
export async function createWorkers(wanted: WorkersWanted): Promise<readonly [short: Worker, long: Worker]> {
  const {
    connection,
    namespace,
    activities,
    rollouts,
    heartbeatThrottleMs,
    shutdownGraceMs,
    workflowBundle,
    identity,
    version,
    keys,
  } = wanted;
  const common = {
    connection,
    namespace,
    shutdownGraceTime: shutdownGraceMs,
    shutdownForceTime: shutdownGraceMs + FORCE_AFTER_MS,
    maxHeartbeatThrottleInterval: heartbeatThrottleMs,
    dataConverter: dataConverterOf(keys),
    ...(identity === undefined ? {} : { identity }),
    ...(version === undefined
      ? {}
      : { workerDeploymentOptions: { version, useWorkerVersioning: true, defaultVersioningBehavior: 'PINNED' as const } }),
  } satisfies Partial<SdkOptions>;
  const code = { workflowBundle: workflowBundle === undefined ? await bundle(wanted) : { codePath: workflowBundle } };
  const short = await Worker.create({
    ...common,
    ...code,
    taskQueue: TASK_QUEUE,
    activities: { ...activities },
    maxConcurrentActivityTaskExecutions: Math.max(FEWEST_SHORT, rollouts),
    maxConcurrentLocalActivityExecutions: Math.max(FEWEST_SHORT, rollouts),
  });
  try {
    const long = await Worker.create({
      ...common,
      taskQueue: LONG_TASK_QUEUE,
      activities: Object.fromEntries(Object.entries(activities).filter(([name]) => LONG.includes(name))),
      maxConcurrentActivityTaskExecutions: 2 * rollouts,
    });
    return [short, long];
  } catch (error) {
    // A worker that never ran cannot be shut down, and holds the connection.
    await short.runUntil(Promise.resolve());
    throw error;
  }
}
