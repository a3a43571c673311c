import { WorkflowFailedError } from '@temporalio/client';
import type { Outcome, OutcomeKind } from '../domain/outcome.js';
import { isUndecodable } from '../contract/data-converter.js';
import { oneLine } from './problem.js';
import { longCall, type Temporal } from './temporal.js';

const KINDS: readonly OutcomeKind[] = ['promoted', 'rolled-back', 'frozen', 'refused'];

/** How a closed rollout ended. `broken`: without an outcome of ours, as after Terminate. */
export type Ending = { readonly kind: 'closed'; readonly outcome: Outcome } | { readonly kind: 'broken'; readonly text: string };

/** Waits until the run (or what continues it) has closed. Throws a `TemporalProblem` when Temporal goes away or `signal` ends the wait. */
export async function awaitEnding(
  temporal: Temporal,
  workflowId: string,
  { runId, signal }: { runId: string; signal?: AbortSignal },
): Promise<Ending> {
  try {
    const result: unknown = await longCall(temporal, signal, () => temporal.client.workflow.result(workflowId, runId));
    if (isOutcome(result)) return { kind: 'closed', outcome: result };
    return {
      kind: 'broken',
      text: isUndecodable(result)
        ? 'its outcome is encrypted with a key that is not here; give the configuration whose temporal.encryption has it (--config)'
        : 'it returned no outcome of Sluice; was it started by something else?',
    };
  } catch (error) {
    if (!(error instanceof WorkflowFailedError)) throw error;
    const reason = error.cause?.message ?? error.message;
    return {
      kind: 'broken',
      text: oneLine(
        `${error.message.toLowerCase()}${reason === error.message ? '' : `: ${reason}`}; a lease or the janitor returns users to stable`,
      ),
    };
  }
}

/** Results come from a history that others may have written, so they are looked at before they are believed. */
export function isOutcome(value: unknown): value is Outcome {
  if (typeof value !== 'object' || value === null) return false;
  const { outcome, headline, timeline } = value as Partial<Record<keyof Outcome, unknown>>;
  return KINDS.some((kind) => kind === outcome) && typeof headline === 'string' && Array.isArray(timeline);
}
