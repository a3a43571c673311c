import type { Logger } from 'pino';
import { ScheduleAlreadyRunning, ScheduleOverlapPolicy, WorkflowNotFoundError, type Client } from '@temporalio/client';
import { defaultPayloadConverter } from '@temporalio/common';
import type { NeighbouringRoute, Neighbourhood } from '../activities/dependencies.js';
import { decrypt, type KeyRing } from '../contract/encryption.js';
import { JANITOR_SCHEDULE, JANITOR_WORKFLOW, ROLLOUT_WORKFLOW, TASK_QUEUE } from '../contract/names.js';
import type { RolloutInput } from '../contract/rollout.js';

const EVERY_MS = 60_000;
const ROUND_MS = 300_000;

/** One schedule for all workers of the namespace; the newest worker's word counts. */
export async function scheduleJanitor(client: Client, logger: Logger): Promise<void> {
  const schedule = {
    spec: { intervals: [{ every: EVERY_MS }] },
    action: {
      type: 'startWorkflow' as const,
      workflowType: JANITOR_WORKFLOW,
      workflowId: JANITOR_SCHEDULE,
      taskQueue: TASK_QUEUE,
      workflowExecutionTimeout: ROUND_MS,
    },
    // A round that hangs is not joined by another, and rounds that were missed are not made up for.
    policies: { overlap: ScheduleOverlapPolicy.SKIP, catchupWindow: EVERY_MS },
  };
  try {
    await client.schedule.create({ scheduleId: JANITOR_SCHEDULE, ...schedule });
  } catch (error) {
    if (!(error instanceof ScheduleAlreadyRunning)) {
      logger.warn(
        { error: error instanceof Error ? error.message : String(error) },
        'the janitor could not be scheduled: orphaned ramps end by their lease alone',
      );
      return;
    }
    await client.schedule.getHandle(JANITOR_SCHEDULE).update((previous) => ({ ...schedule, state: previous.state }));
  }
}

/** Ended without having put users back by themselves. A completed rollout has read the router back (I11). */
const CUT_SHORT = `('Terminated', 'Failed', 'TimedOut', 'Canceled')`;
const LOOK_BACK_MS = 24 * 3_600_000;
const MOST = 500;
const CLOSED: readonly string[] = ['COMPLETED', 'FAILED', 'CANCELLED', 'TERMINATED', 'TIMED_OUT'];

/** Which routes may hold an orphaned ramp: those of rollouts that were cut short within the last day. */
export function neighbourhood(client: Client, logger: Logger, keys?: KeyRing): Neighbourhood {
  return {
    async routes() {
      const since = new Date(Date.now() - LOOK_BACK_MS).toISOString();
      const query = `WorkflowType = '${ROLLOUT_WORKFLOW}' AND ExecutionStatus IN ${CUT_SHORT} AND CloseTime > '${since}'`;
      const routes = new Map<string, NeighbouringRoute>();
      let seen = 0;
      for await (const { workflowId, runId } of client.workflow.list({ query, pageSize: 100 })) {
        if (++seen > MOST) break;
        const route = await routeOf(client, { workflowId, runId }, keys);
        if (route !== undefined) routes.set(JSON.stringify(route), route);
        else logger.warn({ workflowId, runId }, 'a rollout that was cut short does not tell its route');
      }
      return [...routes.values()];
    },
    async isRunning(workflowId) {
      try {
        const { status } = await client.workflow.getHandle(workflowId).describe();
        return !CLOSED.includes(status.name);
      } catch (error) {
        if (error instanceof WorkflowNotFoundError) return false;
        throw error;
      }
    },
  };
}

/** The plan stands in the first event. */
async function routeOf(
  client: Client,
  execution: { readonly workflowId: string; readonly runId: string },
  keys: KeyRing | undefined,
): Promise<NeighbouringRoute | undefined> {
  const { history } = await client.workflowService.getWorkflowExecutionHistory({
    namespace: client.options.namespace,
    execution,
    maximumPageSize: 1,
  });
  const payload = history?.events?.[0]?.workflowExecutionStartedEventAttributes?.input?.payloads?.[0];
  if (payload === undefined) return undefined;
  try {
    const { plan } = defaultPayloadConverter.fromPayload<RolloutInput>(decrypt(payload, keys));
    const { service, environment } = plan.target;
    const { router, queues } = plan.connections;
    return { router, ...(queues === undefined ? {} : { queues }), target: { service, environment } };
  } catch {
    return undefined;
  }
}
