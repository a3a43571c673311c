import { WorkflowNotFoundError } from '@temporalio/client';
import { keepId, ROLLBACK_PROFILE, ROLLOUT_WORKFLOW, rolloutId, SEARCH_ATTRIBUTES } from '../contract/names.js';
import type { RolloutPlan } from '../domain/plan.js';
import { EVERYBODY, type Revision, type Target } from '../domain/words.js';
import { findExecution, readExecution, type Execution } from './execution.js';
import { inputOf, replacedBy } from './history.js';
import { awaitEnding } from './outcome.js';
import { translate } from './problem.js';
import { call, type Temporal } from './temporal.js';

export type LastPromotion =
  /** `previous`: who served before, and serves again after a rollback. */
  | { readonly kind: 'promoted'; readonly plan: RolloutPlan; readonly previous: Revision; readonly execution: Execution }
  | { readonly kind: 'none'; readonly reason: string };

/** What `sluice rollback` takes back (A26). */
export async function lastPromotion(temporal: Temporal, target: Target): Promise<LastPromotion> {
  const execution = await lastPromotedRun(temporal, target);
  if (execution === undefined)
    return {
      kind: 'none',
      reason: `no promoted rollout of ${target.service} in ${target.environment} is known to Temporal any more; start a rollout of the revision that you want instead`,
    };
  const input = await inputOf(temporal, execution);
  if (input === undefined)
    return {
      kind: 'none',
      reason: `the last promoted rollout (run ${execution.runId}) left no plan; start a rollout of the revision that you want instead`,
    };
  const { plan } = input;
  // Back and forth between two revisions is never what somebody means by "the previous one".
  if (plan.profile === ROLLBACK_PROFILE)
    return {
      kind: 'none',
      reason: `${plan.candidate.release} was brought back by a rollback already; start a rollout of the revision that you want instead`,
    };
  const previous = await replacedBy(temporal, execution);
  if (previous === undefined)
    return {
      kind: 'none',
      reason: `the last promoted rollout (run ${execution.runId}) does not say which revision it replaced; start a rollout of the revision that you want instead`,
    };
  return { kind: 'promoted', plan, previous, execution };
}

async function lastPromotedRun(temporal: Temporal, target: Target): Promise<Execution | undefined> {
  // The newest run needs no index, which lags: a rollback often follows its promotion within a second.
  const newest = await findExecution(temporal, target);
  if (newest.kind === 'none') return undefined;
  if (!newest.execution.open) {
    const ending = await awaitEnding(temporal, newest.execution.workflowId, newest.execution);
    if (ending.kind === 'closed' && ending.outcome.outcome === 'promoted') return newest.execution;
  }
  const query = `WorkflowType = '${ROLLOUT_WORKFLOW}' AND WorkflowId = '${rolloutId(target)}' AND ${SEARCH_ATTRIBUTES.outcome} = 'promoted'`;
  try {
    for await (const info of temporal.client.workflow.list({ query, pageSize: 1 })) return readExecution(info);
  } catch (error) {
    throw translate(error, temporal);
  }
  return undefined;
}

/** The keeper lets go of the old revision's capacity when its time is over: not while that revision is on its way back. */
export async function stopKeeper(temporal: Temporal, target: Target): Promise<void> {
  try {
    await call(temporal, () => temporal.client.workflow.getHandle(keepId(target)).cancel());
  } catch (error) {
    if (!(error instanceof WorkflowNotFoundError)) throw error;
  }
}

/**
 * The previous revision back at 100 % in one step, its gates only observing (A26): nobody waits for evidence, approvals or a
 * change window. Probes stay: everybody is about to be sent there. The caller adds the digest.
 */
export function rollbackPlan({
  plan,
  previous,
}: Pick<Extract<LastPromotion, { kind: 'promoted' }>, 'plan' | 'previous'>): Omit<RolloutPlan, 'digest'> {
  const { digest: _digest, schemaPins: _pins, approvals: _approvals, changeWindows: _windows, warmUp, ...kept } = plan;
  return {
    ...kept,
    candidate: previous,
    profile: ROLLBACK_PROFILE,
    steps: [{ weightBp: EVERYBODY, soakMs: plan.tickMs, soakMaxMs: plan.tickMs }],
    judge: { ...plan.judge, gates: plan.judge.gates.map((gate) => ({ ...gate, mode: 'observe', required: false })) },
    approvals: [],
    changeWindows: [],
    idleThen: 'accept-on-probes',
    retry: { ...plan.retry, max: 0 },
    // It is warm, or it has to do without: the warm path would make the users wait.
    warmUp: { holdMs: 0, timeoutMs: warmUp.timeoutMs },
    pauseBatchUpToBp: 0,
    ...(previous.schemaPins === undefined ? {} : { schemaPins: previous.schemaPins }),
  };
}
