/** How each activity is run. One home for time-outs and retries; the numbers' reasons are in design.md §5. */
import { ActivityCancellationType, proxyActivities, proxyLocalActivities } from '@temporalio/workflow';
import type { RolloutActivities } from '../contract/activities.js';
import { LONG_TASK_QUEUE } from '../contract/names.js';
import type { RolloutPlan } from '../domain/plan.js';

const QUICK_RETRY = { initialInterval: 50, backoffCoefficient: 1.5, maximumInterval: 2_000 } as const;

/** Route writes: short attempts, quick retries, for ever; a write that arrives late is fenced (I7). */
export const route = proxyActivities<RolloutActivities>({ startToCloseTimeout: 10_000, retry: QUICK_RETRY });

/** Looks and asks; gives up after a while with a reason. */
export const short = proxyActivities<RolloutActivities>({
  startToCloseTimeout: 60_000,
  retry: { ...QUICK_RETRY, maximumAttempts: 5 },
});

/** Notices and directives: worth a few minutes, never worth waiting for. */
export const aside = proxyActivities<RolloutActivities>({
  startToCloseTimeout: 10_000,
  scheduleToCloseTimeout: 30_000,
  retry: { initialInterval: 500, backoffCoefficient: 2, maximumInterval: 10_000 },
});

/** Waits for capacity: minutes, not for ever. */
export const capacity = proxyActivities<RolloutActivities>({
  startToCloseTimeout: 600_000,
  heartbeatTimeout: 60_000,
  retry: { ...QUICK_RETRY, maximumAttempts: 5 },
});

/** The first act of a rollback, in the same workflow task. If it cannot be done at once the activity goes on trying (I5). */
export const first = proxyLocalActivities<RolloutActivities>({
  startToCloseTimeout: 1_500,
  scheduleToCloseTimeout: 3_000,
  retry: { ...QUICK_RETRY, maximumAttempts: 2 },
});

const HEARTBEAT_SLACK_MS = 5_000;
/** The lease must outlive a lost worker's last heartbeat by this, or a living worker could let it lapse. */
const LEASE_MARGIN_MS = 10_000;

export function supervision(plan: RolloutPlan, bucketMs: number) {
  const heartbeatTimeout = Math.max(
    2 * plan.tickMs,
    Math.min(plan.leaseMs - LEASE_MARGIN_MS, 2 * plan.tickMs + HEARTBEAT_SLACK_MS),
  );
  return proxyActivities<RolloutActivities>({
    taskQueue: LONG_TASK_QUEUE,
    startToCloseTimeout: bucketMs + 10 * plan.tickMs + 60_000,
    heartbeatTimeout,
    retry: QUICK_RETRY,
    // Its evidence must come back; with TRY_CANCEL the late result was thrown away. Nobody waits for it before a rollback.
    cancellationType: ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
  });
}

export function long(totalMs: number) {
  return proxyActivities<RolloutActivities>({
    taskQueue: LONG_TASK_QUEUE,
    startToCloseTimeout: totalMs + 60_000,
    heartbeatTimeout: 30_000,
    retry: QUICK_RETRY,
  });
}
