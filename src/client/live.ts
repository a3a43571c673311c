import type { WorkflowExecutionDescription } from '@temporalio/client';
import type { RolloutActivities } from '../contract/activities.js';
import type { Judgement } from '../domain/verdict.js';
import type { Instant } from '../domain/words.js';
import { decodePayload } from './history.js';
import { millisecondsOf } from './server-clock.js';

/**
 * What the running supervision said at its last tick. The workflow hears it only when a bucket ends, minutes later; the
 * heartbeat has it now. Absent fields: nobody supervises, or has not judged yet.
 */
export interface Live {
  readonly judgement?: Judgement;
  /** By Temporal's clock. The lease was renewed just before. */
  readonly heartbeatAt?: Instant;
}

const SUPERVISE = 'superviseRamp' satisfies keyof RolloutActivities;

export function liveOf({ raw }: Pick<WorkflowExecutionDescription, 'raw'>): Live {
  // Two overlap for a moment when a step begins; the later one is the current one.
  const supervision = raw.pendingActivities?.filter(({ activityType }) => activityType?.name === SUPERVISE).at(-1);
  if (supervision === undefined) return {};
  const details = decodePayload(supervision.heartbeatDetails?.payloads?.[0]);
  const judgement = (details as { judgement?: Judgement } | undefined)?.judgement;
  return {
    ...(isJudgement(judgement) ? { judgement } : {}),
    ...(supervision.lastHeartbeatTime ? { heartbeatAt: millisecondsOf(supervision.lastHeartbeatTime) } : {}),
  };
}

const isJudgement = (value: Partial<Judgement> | undefined): value is Judgement =>
  Array.isArray(value?.gates) && typeof value.soakedMs === 'number';
