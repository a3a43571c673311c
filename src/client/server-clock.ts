import { randomUUID } from 'node:crypto';
import proto from '@temporalio/proto';
import { call, type Temporal } from './temporal.js';

/** Nobody works on it; it exists to be stamped. */
const CLOCK_QUEUE = 'sluice-clock';
const POLL_MS = 10_000;
const STAMP_MS = 50;

export interface ClockOffset {
  /** Temporal's clock minus ours, in milliseconds. */
  readonly offsetMs: number;
  /** The true offset is within this of it. */
  readonly uncertaintyMs: number;
}

/**
 * Temporal has no call that tells its time, but it stamps whoever polls a task queue. We poll one of our own for a moment
 * and read the stamp. Undefined where the server keeps no such stamps.
 */
export async function serverClock(temporal: Temporal): Promise<ClockOffset | undefined> {
  const { connection, namespace } = temporal;
  const identity = `sluice-clock-${randomUUID()}`;
  const begunAt = Date.now();
  const poll = () => connection.workflowService.pollActivityTaskQueue({ namespace, taskQueue: { name: CLOCK_QUEUE }, identity });
  // A poll without a deadline is refused, and so is one with less than two seconds; we leave much earlier.
  await connection
    .withDeadline(begunAt + POLL_MS, () => connection.withAbortSignal(AbortSignal.timeout(STAMP_MS), poll))
    .catch(() => undefined);
  const { pollers } = await call(temporal, () =>
    connection.workflowService.describeTaskQueue({
      namespace,
      taskQueue: { name: CLOCK_QUEUE },
      taskQueueType: proto.temporal.api.enums.v1.TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY,
    }),
  );
  const stamp = pollers.find((poller) => poller.identity === identity)?.lastAccessTime;
  if (stamp === null || stamp === undefined) return undefined;
  const uncertaintyMs = (Date.now() - begunAt) / 2;
  return { offsetMs: Math.round(millisecondsOf(stamp) - begunAt - uncertaintyMs), uncertaintyMs };
}

export function millisecondsOf({ seconds, nanos }: { seconds?: { toString(): string } | null; nanos?: number | null }): number {
  return Number(seconds?.toString() ?? 0) * 1_000 + (nanos ?? 0) / 1e6;
}
