import { randomUUID } from 'node:crypto';
import { WorkflowExecutionAlreadyStartedError, WorkflowNotFoundError } from '@temporalio/client';
import { MEMO, rolloutId, ROLLOUT_WORKFLOW, TASK_QUEUE } from '../contract/names.js';
import type { RolloutInput } from '../contract/rollout.js';
import type { Outcome } from '../domain/outcome.js';
import type { RolloutPlan } from '../domain/plan.js';
import type { Actor } from '../domain/words.js';
import { findExecution, type Execution } from './execution.js';
import { countOpen } from './list.js';
import { awaitEnding } from './outcome.js';
import { attributesOfStart } from './search-attributes.js';
import { signal } from './send.js';
import { call, type Temporal } from './temporal.js';
import { seeWorkers } from './workers.js';

export interface StartOptions {
  readonly starter: Actor;
  /** Abort an open rollout of another plan, wait until it has closed, then start. */
  readonly supersede?: boolean;
  /** Start although the same plan has been promoted already. */
  readonly again?: boolean;
  /** Refuse when so many rollouts are open (`limits.rollouts`). */
  readonly limit?: number;
  /** For tests: continue as new after this many events. */
  readonly continueAfterEvents?: number;
  /** Ends the wait for a superseded rollout; what was sent stays sent. */
  readonly signal?: AbortSignal;
  /** Told before a superseded rollout is aborted; one that is promoted already is waited for through its drain. */
  readonly onSupersede?: (open: Execution) => void;
}

export type StartOutcome =
  | { readonly kind: 'started'; readonly workflowId: string; readonly runId: string }
  /** The same plan runs already. */
  | { readonly kind: 'attached'; readonly execution: Execution }
  | { readonly kind: 'already-promoted'; readonly outcome: Outcome }
  | { readonly kind: 'refused'; readonly reason: string }
  /** Nobody would run it; nothing was started. */
  | { readonly kind: 'no-worker'; readonly reason: string };

/** One rollout per service and environment: the workflow id is the lock (design.md §2 "Starting twice"). */
export async function startRollout(temporal: Temporal, plan: RolloutPlan, options: StartOptions): Promise<StartOutcome> {
  const before = await meetExisting(temporal, plan, options);
  if (before.kind === 'answer') return before.answer;
  const unfit = await whyNotNow(temporal, options);
  if (unfit !== undefined) return unfit;
  const hindrance = before.kind === 'in-the-way' ? await supersede(temporal, plan, before.execution, options) : undefined;
  return hindrance ?? begin(temporal, plan, options);
}

type Existing =
  | { readonly kind: 'free' }
  | { readonly kind: 'in-the-way'; readonly execution: Execution }
  | { readonly kind: 'answer'; readonly answer: StartOutcome };

async function meetExisting(
  temporal: Temporal,
  plan: RolloutPlan,
  { supersede: superseding = false, again = false }: StartOptions,
): Promise<Existing> {
  const found = await findExecution(temporal, plan.target);
  if (found.kind === 'none') return { kind: 'free' };
  const { execution } = found;
  if (execution.open) {
    if (execution.digest === plan.digest) return { kind: 'answer', answer: { kind: 'attached', execution } };
    return superseding ? { kind: 'in-the-way', execution } : { kind: 'answer', answer: occupied(execution) };
  }
  if (again || execution.digest !== plan.digest) return { kind: 'free' };
  const ending = await awaitEnding(temporal, execution.workflowId, execution);
  const promoted = ending.kind === 'closed' && ending.outcome.outcome === 'promoted';
  return promoted ? { kind: 'answer', answer: { kind: 'already-promoted', outcome: ending.outcome } } : { kind: 'free' };
}

function occupied({ workflowId, headline, release }: Execution): StartOutcome {
  return {
    kind: 'refused',
    reason: `${workflowId} is open with another plan (${headline ?? `release ${release ?? 'unknown'}`}); wait for it, abort it, or start with --supersede`,
  };
}

async function whyNotNow(temporal: Temporal, { limit }: StartOptions): Promise<StartOutcome | undefined> {
  const { workflows, long } = await seeWorkers(temporal);
  if (workflows.length === 0 || long.length === 0) {
    return {
      kind: 'no-worker',
      reason: `no worker polls Sluice's task queues in namespace "${temporal.namespace}" at ${temporal.address}; nothing was started; start one with "sluice worker"`,
    };
  }
  if (limit === undefined) return undefined;
  const open = await countOpen(temporal);
  return open < limit
    ? undefined
    : {
        kind: 'refused',
        reason: `${open} rollouts are open, and limits.rollouts is ${limit}; wait for one to end, or raise the limit in sluice.config.yaml`,
      };
}

/** Undefined when the way is free. */
async function supersede(
  temporal: Temporal,
  plan: RolloutPlan,
  open: Execution,
  { starter, signal: interrupted, onSupersede }: StartOptions,
): Promise<StartOutcome | undefined> {
  const { workflowId, runId } = open;
  onSupersede?.(open);
  try {
    await signal(temporal, 'abort', plan.target, {
      by: starter.name,
      reason: `superseded by ${plan.candidate.release}`,
      requestId: randomUUID(),
      supersededBy: plan.candidate.release,
    });
  } catch (error) {
    // It has closed in the meantime, which is what we want.
    if (!(error instanceof WorkflowNotFoundError)) throw error;
  }
  try {
    await awaitEnding(temporal, workflowId, { runId, ...(interrupted === undefined ? {} : { signal: interrupted }) });
    return undefined;
  } catch (error) {
    if (interrupted?.aborted !== true) throw error;
    return {
      kind: 'refused',
      reason: `interrupted before ${workflowId} had closed; it has been told to abort, and nothing was started; start again`,
    };
  }
}

async function begin(
  temporal: Temporal,
  plan: RolloutPlan,
  { starter, continueAfterEvents }: StartOptions,
): Promise<StartOutcome> {
  const { target, candidate } = plan;
  const workflowId = rolloutId(target);
  const input: RolloutInput = { plan, starter, ...(continueAfterEvents === undefined ? {} : { continueAfterEvents }) };
  try {
    const { firstExecutionRunId: runId } = await call(temporal, () =>
      temporal.client.workflow.start(ROLLOUT_WORKFLOW, {
        workflowId,
        taskQueue: TASK_QUEUE,
        args: [input],
        workflowIdConflictPolicy: 'FAIL',
        workflowIdReusePolicy: 'ALLOW_DUPLICATE',
        memo: {
          [MEMO.headline]: `STARTING · ${target.service} ${candidate.release} · users 100 % on stable`,
          [MEMO.digest]: plan.digest,
          [MEMO.profile]: plan.profile,
        },
        typedSearchAttributes: attributesOfStart(plan),
        staticSummary: `${target.service} ${target.environment}: ${candidate.release} → ${candidate.id}`,
      }),
    );
    return { kind: 'started', workflowId, runId };
  } catch (error) {
    if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
    return lostTheRace(temporal, plan);
  }
}

/** Somebody else started between our look and our start. */
async function lostTheRace(temporal: Temporal, plan: RolloutPlan): Promise<StartOutcome> {
  const found = await findExecution(temporal, plan.target);
  if (found.kind === 'none')
    return { kind: 'refused', reason: 'another start came first, and its rollout is gone again; start once more' };
  return found.execution.digest === plan.digest ? { kind: 'attached', execution: found.execution } : occupied(found.execution);
}
