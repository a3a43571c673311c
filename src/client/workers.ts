import proto from '@temporalio/proto';
import { LONG_TASK_QUEUE, TASK_QUEUE } from '../contract/names.js';
import { GRPC, grpcCode } from './problem.js';
import { millisecondsOf, serverClock } from './server-clock.js';
import { call, type Temporal } from './temporal.js';

const { TaskQueueType, WorkerStatus } = proto.temporal.api.enums.v1;

/** Workers by task queue, as Temporal sees them. One that was killed may be counted for a minute. */
export interface WorkersSeen {
  /** Identities that poll for workflow tasks on `sluice`. */
  readonly workflows: readonly string[];
  /** Identities that poll for activities on `sluice-long`. */
  readonly long: readonly string[];
}

/** A poll lasts a minute and is stamped when it begins: an older stamp belongs to a worker that is gone. */
const POLL_MS = 75_000;

export async function seeWorkers(temporal: Temporal): Promise<WorkersSeen> {
  const [workflows, long, stopped] = await Promise.all([
    pollersOf(temporal, TASK_QUEUE, TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW),
    pollersOf(temporal, LONG_TASK_QUEUE, TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY),
    shutdowns(temporal),
  ]);
  const now = await clockFor(temporal, [...workflows, ...long]);
  const living = (queue: string, pollers: readonly Poller[]): string[] =>
    pollers
      .filter(
        ({ identity, at }) => now - at <= POLL_MS && at > (stopped.get(`${queue} ${identity}`) ?? -Infinity) + LAST_POLLS_MS,
      )
      .map(({ identity }) => identity);
  return { workflows: living(TASK_QUEUE, workflows), long: living(LONG_TASK_QUEUE, long) };
}

/** A worker's last polls may be stamped just after it said that it shuts down; no process comes back as fast as that. */
const LAST_POLLS_MS = 1_000;

interface Poller {
  readonly identity: string;
  /** By Temporal's clock. */
  readonly at: number;
}

async function pollersOf(
  temporal: Temporal,
  name: string,
  taskQueueType: proto.temporal.api.enums.v1.TaskQueueType,
): Promise<readonly Poller[]> {
  const { connection, namespace } = temporal;
  const { pollers } = await call(temporal, () =>
    connection.workflowService.describeTaskQueue({ namespace, taskQueue: { name }, taskQueueType }),
  );
  return pollers.map(({ identity, lastAccessTime }) => ({
    identity: identity ?? '',
    at: lastAccessTime ? millisecondsOf(lastAccessTime) : 0,
  }));
}

/** Temporal's time where it matters: asking for it takes a moment, so it is asked for only where our own clock raises a doubt. */
async function clockFor(temporal: Temporal, pollers: readonly Poller[]): Promise<number> {
  const now = Date.now();
  const doubtful = pollers.some(({ at }) => now - at > POLL_MS || at > now);
  return doubtful ? now + ((await serverClock(temporal))?.offsetMs ?? 0) : now;
}

/**
 * When workers were shut down, by queue and identity. Pollers stay listed for minutes after their worker has ended; newer
 * servers hear of a shutdown, older ones do not know the call. A container that starts again bears the identity of the one
 * before, and is listed here only after a minute: so a poll that came after the shutdown counts.
 */
async function shutdowns(temporal: Temporal): Promise<ReadonlyMap<string, number>> {
  const { connection, namespace } = temporal;
  try {
    const { workersInfo } = await call(temporal, () => connection.workflowService.listWorkers({ namespace }));
    const ended = workersInfo.flatMap(({ workerHeartbeat }) => {
      const { status, taskQueue, workerIdentity, heartbeatTime } = workerHeartbeat ?? {};
      const over = status === WorkerStatus.WORKER_STATUS_SHUTTING_DOWN || status === WorkerStatus.WORKER_STATUS_SHUTDOWN;
      return over
        ? [[`${taskQueue ?? ''} ${workerIdentity ?? ''}`, heartbeatTime ? millisecondsOf(heartbeatTime) : 0] as const]
        : [];
    });
    // The last one of an identity is the one that counts.
    return new Map(ended.toSorted(([, a], [, b]) => a - b));
  } catch (error) {
    if (error instanceof Error && grpcCode(error.cause) === GRPC.unimplemented) return new Map();
    throw error;
  }
}
