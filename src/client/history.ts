/** What stands in a rollout's history: its plan, and which revision it replaced. */
import { defaultPayloadConverter } from '@temporalio/common';
import type { temporal as proto } from '@temporalio/proto';
import type { RolloutActivities } from '../contract/activities.js';
import { decrypt, type KeyRing } from '../contract/encryption.js';
import type { RolloutInput } from '../contract/rollout.js';
import type { Revision } from '../domain/words.js';
import { call, type Temporal } from './temporal.js';

type HistoryEvent = proto.api.history.v1.IHistoryEvent;
type Payload = proto.api.common.v1.IPayload;

interface Run {
  readonly workflowId: string;
  readonly runId: string;
}

/** The input of a run; undefined where it cannot be read (another program started it). */
export async function inputOf(temporal: Temporal, execution: Run): Promise<RolloutInput | undefined> {
  const { connection, namespace, keys } = temporal;
  const { history } = await call(temporal, () =>
    connection.workflowService.getWorkflowExecutionHistory({ namespace, execution, maximumPageSize: 1 }),
  );
  const input = decodePayload(history?.events?.[0]?.workflowExecutionStartedEventAttributes?.input?.payloads?.[0], keys) as
    Partial<RolloutInput> | undefined;
  return input?.plan?.target === undefined ? undefined : (input as RolloutInput);
}

/** The revision that a promoted run took over from: what `finalise` was told. Undefined where nothing was finalised. */
export async function replacedBy(temporal: Temporal, execution: Run): Promise<Revision | undefined> {
  const { connection, namespace, keys } = temporal;
  let nextPageToken: Uint8Array | undefined;
  do {
    // From the end: a promotion's last hour is shorter than its climb.
    const page = await call(temporal, () =>
      connection.workflowService.getWorkflowExecutionHistoryReverse({
        namespace,
        execution,
        ...(nextPageToken === undefined ? {} : { nextPageToken }),
      }),
    );
    const finalised = page.history?.events?.find(isFinalise);
    if (finalised !== undefined) {
      const input = decodePayload(finalised.activityTaskScheduledEventAttributes?.input?.payloads?.[0], keys) as
        Partial<Parameters<RolloutActivities['finalise']>[0]> | undefined;
      return input?.intent?.stable;
    }
    nextPageToken = page.nextPageToken.length === 0 ? undefined : page.nextPageToken;
  } while (nextPageToken !== undefined);
  return undefined;
}

const FINALISE = 'finalise' satisfies keyof RolloutActivities;

const isFinalise = ({ activityTaskScheduledEventAttributes: scheduled }: HistoryEvent): boolean =>
  scheduled?.activityType?.name === FINALISE;

/** Undefined where it cannot be read. */
export function decodePayload(payload: Payload | null | undefined, keys: KeyRing | undefined): unknown {
  if (payload === null || payload === undefined) return undefined;
  try {
    return defaultPayloadConverter.fromPayload(decrypt(payload, keys));
  } catch {
    // A foreign encoding, or a key that we lack, is something we cannot read, and no reason to fail.
    return undefined;
  }
}
