import { isUndecodable } from '../contract/data-converter.js';
import { STATUS_QUERY } from '../contract/names.js';
import type { RolloutStatus } from '../contract/rollout.js';
import type { Outcome } from '../domain/outcome.js';
import type { Target } from '../domain/words.js';
import { findExecution, type Execution } from './execution.js';
import { liveOf, type Live } from './live.js';
import { awaitEnding } from './outcome.js';
import { GRPC, grpcCode, TemporalProblem } from './problem.js';
import { call, type Temporal } from './temporal.js';

export type StatusOutcome =
  | { readonly kind: 'open'; readonly status: RolloutStatus; readonly live: Live; readonly execution: Execution }
  /** Open, but no worker answered in time, or what it answered is encrypted with a key that we lack (`locked`). */
  | { readonly kind: 'silent'; readonly execution: Execution; readonly locked?: true }
  | { readonly kind: 'closed'; readonly outcome: Outcome; readonly execution: Execution }
  /** Closed without an outcome of ours, as after Terminate. */
  | { readonly kind: 'broken'; readonly text: string; readonly execution: Execution }
  | { readonly kind: 'none' };

/** A living worker answers in milliseconds, one that has just lost its cache replays for a second or two. */
const ANSWER_MS = 5_000;

export async function statusOf(
  temporal: Temporal,
  target: Target,
  { withinMs = ANSWER_MS }: { withinMs?: number } = {},
): Promise<StatusOutcome> {
  const found = await findExecution(temporal, target);
  if (found.kind === 'none') return found;
  const { execution } = found;
  if (!execution.open) return { ...(await awaitEnding(temporal, execution.workflowId, execution)), execution };
  const status = await query(temporal, execution, withinMs);
  if (status === undefined) return { kind: 'silent', execution };
  return isUndecodable(status)
    ? { kind: 'silent', execution, locked: true }
    : { kind: 'open', status, live: liveOf(found.description, status, temporal.keys), execution };
}

/** Undefined when no worker answered. A query needs one, and waits for it: the bound is ours. */
async function query(temporal: Temporal, { workflowId, runId }: Execution, withinMs: number): Promise<RolloutStatus | undefined> {
  const begunAt = Date.now();
  try {
    return await call(
      temporal,
      () => temporal.client.workflow.getHandle(workflowId, runId).query<RolloutStatus>(STATUS_QUERY),
      withinMs,
    );
  } catch (error) {
    if (isSilence(error) || Date.now() - begunAt >= withinMs) return undefined;
    throw error;
  }
}

/**
 * A server that is there says "timed out" or cancels the call at the deadline when no worker came; one that is not there
 * is `unavailable`, and that is a problem of its own.
 */
function isSilence(error: unknown): boolean {
  if (!(error instanceof TemporalProblem)) return false;
  const code = grpcCode(error.cause);
  return code === GRPC.cancelled || code === GRPC.deadlineExceeded;
}
