import type { Target } from '../domain/words.js';
import { findExecution, type Execution } from './execution.js';
import { awaitEnding, type Ending } from './outcome.js';
import type { Temporal } from './temporal.js';

export type ResultOutcome = (Ending & { readonly execution: Execution }) | { readonly kind: 'none' };

/** Waits for the outcome of the newest rollout of a target: minutes to days. `signal` ends the wait, never the rollout. */
export async function resultOf(
  temporal: Temporal,
  target: Target,
  { signal }: { signal?: AbortSignal } = {},
): Promise<ResultOutcome> {
  const found = await findExecution(temporal, target);
  if (found.kind === 'none') return found;
  const { execution } = found;
  return {
    ...(await awaitEnding(temporal, execution.workflowId, {
      runId: execution.runId,
      ...(signal === undefined ? {} : { signal }),
    })),
    execution,
  };
}
