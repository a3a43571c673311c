/** What the gates had seen when a rollout was judged, as its history keeps it: the ends of supervision buckets, and what lost workers had said. */
import { historyFromJSON } from '@temporalio/common/lib/proto-utils.js';
import type { temporal as proto } from '@temporalio/proto';
import type { RolloutActivities } from '../contract/activities.js';
import type { KeyRing } from '../contract/encryption.js';
import type { RolloutInput } from '../contract/rollout.js';
import type { RolloutPlan } from '../domain/plan.js';
import type { Outcome } from '../domain/outcome.js';
import type { StepPolicy } from '../domain/policy.js';
import type { Evidence, Judgement } from '../domain/verdict.js';
import { decodePayload } from './history.js';
import { isOutcome } from './outcome.js';
import { call, type Temporal } from './temporal.js';

export type History = proto.api.history.v1.IHistory;
type HistoryEvent = proto.api.history.v1.IHistoryEvent;
type Failure = proto.api.failure.v1.IFailure;

/** One moment at which a step was judged, with all that the judge remembered. */
export interface RecordedMoment {
  readonly ramp: string;
  /** Index into the recorded plan's steps. */
  readonly step: number;
  readonly policy: StepPolicy;
  readonly evidence: Evidence;
  readonly judgement: Judgement;
  /** `heartbeat`: of a worker that was lost in the middle of a bucket. */
  readonly from: 'bucket' | 'heartbeat';
}

export interface RecordedRollout {
  readonly plan: RolloutPlan;
  /** In the order in which they were written. */
  readonly moments: readonly RecordedMoment[];
  /** Undefined: it is still running, or ended without one. */
  readonly outcome: Outcome | undefined;
}

const SUPERVISE = 'superviseRamp' satisfies keyof RolloutActivities;

/** As `temporal workflow show -o json` prints it, or a list of such runs; undefined where it is something else. */
export function historiesIn(printed: unknown): readonly History[] | undefined {
  try {
    return (Array.isArray(printed) ? printed : [printed]).map(historyFromJSON);
  } catch {
    return undefined;
  }
}

/** Undefined: it is no rollout's, or encrypted with none of these keys. */
export function recordedRollout(histories: readonly History[], keys?: KeyRing): RecordedRollout | undefined {
  const events = histories.flatMap(({ events: some }) => some ?? []);
  const started = decodePayload(events[0]?.workflowExecutionStartedEventAttributes?.input?.payloads?.[0], keys) as
    Partial<RolloutInput> | undefined;
  if (started?.plan?.target === undefined) return undefined;
  const result = decodePayload(events.at(-1)?.workflowExecutionCompletedEventAttributes?.result?.payloads?.[0], keys);
  return {
    plan: started.plan,
    moments: histories.flatMap(({ events: some }) => momentsIn(some ?? [], keys)),
    outcome: isOutcome(result) ? result : undefined,
  };
}

/** Event ids count within a run. */
function momentsIn(events: readonly HistoryEvent[], keys: KeyRing | undefined): readonly RecordedMoment[] {
  const inputs = new Map<string, Parameters<RolloutActivities['superviseRamp']>[0]>();
  return events.flatMap((event) => {
    const { activityTaskScheduledEventAttributes: scheduled } = event;
    if (scheduled?.activityType?.name === SUPERVISE) {
      const input = decodePayload(scheduled.input?.payloads?.[0], keys) as
        Parameters<RolloutActivities['superviseRamp']>[0] | undefined;
      if (input !== undefined) inputs.set(String(event.eventId), input);
      return [];
    }
    const { activityTaskStartedEventAttributes: begun, activityTaskCompletedEventAttributes: done } = event;
    const { activityTaskTimedOutEventAttributes: late } = event;
    return [
      ...momentOf(inputs.get(String(begun?.scheduledEventId)), lastHeartbeat(begun?.lastFailure, keys), 'heartbeat'),
      ...momentOf(inputs.get(String(late?.scheduledEventId)), lastHeartbeat(late?.failure, keys), 'heartbeat'),
      ...momentOf(inputs.get(String(done?.scheduledEventId)), decodePayload(done?.result?.payloads?.[0], keys), 'bucket'),
    ];
  });
}

const lastHeartbeat = (failure: Failure | null | undefined, keys: KeyRing | undefined): unknown =>
  decodePayload((failure?.timeoutFailureInfo ?? failure?.cause?.timeoutFailureInfo)?.lastHeartbeatDetails?.payloads?.[0], keys);

/** A bucket that ended before its first tick has judged nothing. */
function momentOf(
  input: Parameters<RolloutActivities['superviseRamp']>[0] | undefined,
  seen: unknown,
  from: RecordedMoment['from'],
): readonly RecordedMoment[] {
  const { evidence, judgement } = (seen ?? {}) as { readonly evidence?: Evidence; readonly judgement?: Judgement };
  if (input === undefined || evidence === undefined || !Array.isArray(judgement?.gates)) return [];
  const { ramp, step, policy } = input.supervise;
  return [{ ramp: ramp.id, step, policy, evidence, judgement, from }];
}

/** All runs of the rollout that `runId` (the newest where absent) belongs to, oldest first. */
export async function fetchHistories(temporal: Temporal, workflowId: string, runId?: string): Promise<readonly History[]> {
  const histories: History[] = [];
  let next = runId;
  for (;;) {
    const history = await call(temporal, () => temporal.client.workflow.getHandle(workflowId, next).fetchHistory(), FETCH_MS);
    histories.unshift(history);
    const before = history.events?.[0]?.workflowExecutionStartedEventAttributes?.continuedExecutionRunId;
    if (before === undefined || before === null || before === '') return histories;
    next = before;
  }
}

/** Histories of megabytes take longer than a message. */
const FETCH_MS = 60_000;
