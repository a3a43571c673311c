/**
 * A worker that runs has asked for work only once its first poll has arrived, which on a busy machine may be seconds later. Until
 * then Temporal knows no worker, and `sluice start` refuses to start for nobody.
 */
import { setTimeout as pause } from 'node:timers/promises';
import proto from '@temporalio/proto';
import type { NativeConnection, Worker } from '@temporalio/worker';
import { LONG_TASK_QUEUE, TASK_QUEUE } from '../contract/names.js';

const { TASK_QUEUE_TYPE_WORKFLOW, TASK_QUEUE_TYPE_ACTIVITY } = proto.temporal.api.enums.v1.TaskQueueType;
const LOOK_EVERY_MS = 50;
const ANSWER_WITHIN_MS = 5_000;

/** Until Temporal lists each of them where a start looks for workers, or `stop`. A Temporal that is away is waited for. */
export async function untilPolled(
  connection: NativeConnection,
  namespace: string,
  workers: readonly Worker[],
  stop: AbortSignal,
): Promise<void> {
  for (const { options } of workers) {
    while (!stop.aborted && !(await isListed(connection, namespace, options)))
      await pause(LOOK_EVERY_MS, undefined, { signal: stop }).catch(() => undefined);
  }
}

const LISTED_AS = { [TASK_QUEUE]: TASK_QUEUE_TYPE_WORKFLOW, [LONG_TASK_QUEUE]: TASK_QUEUE_TYPE_ACTIVITY };

async function isListed(
  connection: NativeConnection,
  namespace: string,
  { taskQueue: name, identity }: Worker['options'],
): Promise<boolean> {
  const taskQueueType = LISTED_AS[name as keyof typeof LISTED_AS];
  try {
    const { pollers } = await connection.withDeadline(Date.now() + ANSWER_WITHIN_MS, () =>
      connection.workflowService.describeTaskQueue({ namespace, taskQueue: { name }, taskQueueType }),
    );
    return pollers.some((poller) => poller.identity === identity);
  } catch {
    return false;
  }
}
