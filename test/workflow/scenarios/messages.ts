/** What people and broken programs send in the scenarios, and what a driver waits for. */
import assert from 'node:assert/strict';
import proto from '@temporalio/proto';
import type { MessageBody, RolloutStatus } from '../../../src/contract/rollout.js';
import type { Blocker } from '../../../src/domain/blockers.js';
import type { Answer, MessageKind } from '../../../src/domain/messages.js';
import { untilSeen } from '../../harness/until.js';
import { statusOf, type Bench, type Rollout } from '../bench.js';

const BECAUSE: MessageBody = { by: 'ann', reason: 'because' };

const send = ({ handle }: Rollout, kind: MessageKind, body: MessageBody): Promise<Answer> =>
  handle.executeUpdate<Answer, [object]>(kind, { args: [body] });

/** Sends an Update that must be accepted. */
export async function tell(rollout: Rollout, kind: MessageKind, body: MessageBody = BECAUSE): Promise<void> {
  const answer = await send(rollout, kind, body);
  assert.equal(answer.kind, 'accepted', JSON.stringify(answer));
}

/** Sends an Update that must be refused, for the given reason. */
export async function refused(rollout: Rollout, kind: MessageKind, reason: RegExp, body: MessageBody = BECAUSE): Promise<void> {
  const answer = await send(rollout, kind, body);
  assert.equal(answer.kind, 'refused', JSON.stringify(answer));
  assert.match(answer.reason, reason);
}

export const seen = (rollout: Rollout, what: string, holds: (status: RolloutStatus) => boolean): Promise<RolloutStatus> =>
  untilSeen(() => statusOf(rollout), holds, { withinMs: 60_000, everyMs: 50, what });

export const inPhase = (rollout: Rollout, phase: string): Promise<RolloutStatus> =>
  seen(rollout, `phase ${phase}`, (status) => status.phase === phase);

export const blockedBy = (rollout: Rollout, kind: Blocker['kind']): Promise<RolloutStatus> =>
  seen(rollout, `blocker ${kind}`, ({ blockers }) => blockers.some((blocker) => blocker.kind === kind));

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const json = (text: string) => ({ metadata: { encoding: bytes('json/plain') }, data: bytes(text) });

/** Payloads from which nobody can read a message; `null` is none of them, it is an empty body. */
export const UNDECODABLE = {
  brokenBytes: json('{broken'),
  foreignEncoding: { metadata: { encoding: bytes('binary/foreign') }, data: bytes('x') },
  noEncoding: { metadata: {}, data: bytes('x') },
  scalar: json('"scalar"'),
  list: json('[1]'),
  null: { metadata: { encoding: bytes('binary/null') } },
} as const;

/** Past every client that would refuse it. */
export async function sendRaw(
  bench: Bench,
  { handle }: Rollout,
  signalName: string,
  payload: (typeof UNDECODABLE)[keyof typeof UNDECODABLE],
): Promise<void> {
  await bench.client.workflowService.signalWorkflowExecution({
    namespace: 'default',
    workflowExecution: { workflowId: handle.workflowId },
    signalName,
    input: { payloads: [payload] },
  });
}

type EventId = NonNullable<proto.temporal.api.history.v1.IHistoryEvent['eventId']>;

/** The last decision so far, as `resetTo` wants it. */
export async function lastDecision({ handle }: Rollout): Promise<EventId> {
  const { events } = await handle.fetchHistory();
  const last = events?.findLast((event) => event.workflowTaskCompletedEventAttributes);
  assert.ok(last?.eventId, 'no decision yet');
  return last.eventId;
}

/** As `temporal workflow reset` does. What people sent after that decision is sent again, as the UI does it, unless `withoutMessages`. */
export async function resetTo(
  { client }: Bench,
  { handle: { workflowId } }: Rollout,
  decision: EventId,
  { withoutMessages = false }: { readonly withoutMessages?: boolean } = {},
): Promise<void> {
  const { RESET_REAPPLY_EXCLUDE_TYPE_SIGNAL: signals, RESET_REAPPLY_EXCLUDE_TYPE_UPDATE: updates } =
    proto.temporal.api.enums.v1.ResetReapplyExcludeType;
  await client.workflowService.resetWorkflowExecution({
    namespace: 'default',
    workflowExecution: { workflowId },
    workflowTaskFinishEventId: decision,
    reason: 'as somebody does in the UI',
    requestId: `reset-${workflowId}`,
    ...(withoutMessages ? { resetReapplyExcludeTypes: [signals, updates] } : {}),
  });
}
