import type { WorkflowExecutionDescription } from '@temporalio/client';
import type { RolloutActivities } from '../contract/activities.js';
import type { KeyRing } from '../contract/encryption.js';
import type { RolloutStatus } from '../contract/rollout.js';
import type { Judgement } from '../domain/verdict.js';
import type { Instant } from '../domain/words.js';
import { decodePayload } from './history.js';
import { millisecondsOf } from './server-clock.js';

/**
 * What the running supervision said at its last tick. The workflow hears it only when a bucket ends, minutes later; the
 * heartbeat has it now. Absent fields: nobody supervises, or has not judged this step yet.
 */
export interface Live {
  readonly judgement?: Judgement;
  /** By Temporal's clock. The lease was renewed just before. */
  readonly heartbeatAt?: Instant;
}

const SUPERVISE = 'superviseRamp' satisfies keyof RolloutActivities;

export function liveOf(
  { raw }: Pick<WorkflowExecutionDescription, 'raw'>,
  { ramp, step }: Pick<RolloutStatus, 'ramp' | 'step'>,
  keys?: KeyRing,
): Live {
  const supervisions = raw.pendingActivities?.filter(({ activityType }) => activityType?.name === SUPERVISE) ?? [];
  const beats = supervisions.flatMap(({ lastHeartbeatTime }) => (lastHeartbeatTime ? [millisecondsOf(lastHeartbeatTime)] : []));
  // Two overlap when a step begins: the one that watches the step before has judged, but not this step.
  const bucket = `${ramp?.id ?? ''}/${step - 1}/`;
  const judgement = supervisions
    .map(({ heartbeatDetails }) => judgementIn(decodePayload(heartbeatDetails?.payloads?.[0], keys), bucket))
    .find((found) => found !== undefined);
  return {
    ...(judgement === undefined ? {} : { judgement }),
    ...(beats.length === 0 ? {} : { heartbeatAt: Math.max(...beats) }),
  };
}

/** Heartbeats carry all that a bucket remembers (`activities/supervise/progress.ts`); a worker of another version may say less. */
function judgementIn(details: unknown, bucketOf: string): Judgement | undefined {
  const { bucket, judgement } = (details ?? {}) as { readonly bucket?: unknown; readonly judgement?: Partial<Judgement> };
  if (typeof bucket !== 'string' || !bucket.startsWith(bucketOf)) return undefined;
  return Array.isArray(judgement?.gates) && typeof judgement.soakedMs === 'number' ? (judgement as Judgement) : undefined;
}
