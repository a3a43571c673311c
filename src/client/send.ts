import { WorkflowNotFoundError, WorkflowUpdateFailedError, WorkflowUpdateRPCTimeoutOrCancelledError } from '@temporalio/client';
import { isUndecodable } from '../contract/data-converter.js';
import { rolloutId } from '../contract/names.js';
import type { MessageBody } from '../contract/rollout.js';
import type { Answer, MessageKind } from '../domain/messages.js';
import type { Outcome } from '../domain/outcome.js';
import type { Target } from '../domain/words.js';
import { findExecution } from './execution.js';
import { awaitEnding } from './outcome.js';
import { oneLine } from './problem.js';
import { call, type Temporal } from './temporal.js';
import { seeWorkers } from './workers.js';

/** What a message carries here: the same `requestId` is applied once, however often it is sent (I12). */
export type SentBody = MessageBody & Required<Pick<MessageBody, 'by' | 'reason' | 'requestId'>>;

export type SendOutcome =
  | { readonly kind: 'accepted'; readonly text: string }
  | { readonly kind: 'refused'; readonly reason: string }
  /** Durable, and nobody has answered yet. */
  | { readonly kind: 'recorded'; readonly text: string }
  /** The newest rollout has ended; `outcome` where it left one. */
  | { readonly kind: 'closed'; readonly reason: string; readonly outcome: Outcome | undefined }
  | { readonly kind: 'none' };

export interface SendOptions {
  /** How long a worker may take to answer before the message is left as a Signal, in milliseconds (5 s). */
  readonly withinMs?: number;
}

const ANSWER_MS = 5_000;

/**
 * Sends as an Update, which answers. An Update that no worker accepts is lost if the server dies, and waits for ever, so
 * after a bounded wait the same request goes as a Signal, which is durable the moment the server has it (design.md §2).
 * Should the Update arrive after all, its request id makes it the same message.
 */
export async function sendMessage(
  temporal: Temporal,
  kind: Exclude<MessageKind, 'abort'>,
  target: Target,
  body: SentBody,
  { withinMs = ANSWER_MS }: SendOptions = {},
): Promise<SendOutcome> {
  try {
    const { workflows } = await seeWorkers(temporal);
    const answer = workflows.length === 0 ? undefined : await update(temporal, kind, target, body, withinMs);
    if (isUndecodable(answer)) return { kind: 'recorded', text: 'received; the answer is encrypted with a key that is not here' };
    if (answer !== undefined) return answer.kind === 'accepted' ? answer : { kind: 'refused', reason: answer.reason };
    await signal(temporal, kind, target, body);
    const who = workflows.length === 0 ? 'no worker is polling' : `no worker has answered within ${withinMs / 1_000} s`;
    return { kind: 'recorded', text: `recorded; ${who}: it takes effect when one does ("sluice worker")` };
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return closedOrNone(temporal, target);
    throw error;
  }
}

export async function signal(temporal: Temporal, kind: MessageKind, target: Target, body: SentBody): Promise<void> {
  await call(temporal, () => temporal.client.workflow.getHandle(rolloutId(target)).signal(kind, body));
}

/** Undefined when no worker accepted it in time. */
async function update(
  temporal: Temporal,
  kind: MessageKind,
  target: Target,
  body: SentBody,
  withinMs: number,
): Promise<Answer | undefined> {
  try {
    const handle = temporal.client.workflow.getHandle(rolloutId(target));
    return await call(
      temporal,
      () => handle.executeUpdate<Answer, [SentBody]>(kind, { args: [body], updateId: body.requestId }),
      withinMs,
    );
  } catch (error) {
    if (error instanceof WorkflowUpdateRPCTimeoutOrCancelledError) return undefined;
    if (error instanceof WorkflowUpdateFailedError)
      return { kind: 'refused', reason: oneLine(error.cause?.message ?? error.message) };
    throw error;
  }
}

/** Nobody is there to receive: either it has ended, or there never was one. */
export async function closedOrNone(
  temporal: Temporal,
  target: Target,
): Promise<Extract<SendOutcome, { kind: 'closed' | 'none' }>> {
  const found = await findExecution(temporal, target);
  if (found.kind === 'none') return found;
  const { execution } = found;
  if (execution.open)
    return {
      kind: 'closed',
      reason:
        'the rollout ended while the message was under way, and another has begun; send it again if it is meant for that one',
      outcome: undefined,
    };
  const ending = await awaitEnding(temporal, execution.workflowId, execution);
  return ending.kind === 'closed'
    ? { kind: 'closed', reason: `the rollout has ended: ${ending.outcome.headline}`, outcome: ending.outcome }
    : { kind: 'closed', reason: `the rollout has ended: ${ending.text}`, outcome: undefined };
}
