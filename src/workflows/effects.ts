/** Each effect is one activity (a rollback is two). No judgement here: what a result means is `evolve`'s to say. */
import {
  CancelledFailure,
  isCancellation,
  ParentClosePolicy,
  patched,
  rootCause,
  sleep,
  startChild,
  workflowInfo,
  getExternalWorkflowHandle,
} from '@temporalio/workflow';
import { DRAIN_WORKFLOW, drainId, KEEP_WORKFLOW, keepId } from '../contract/names.js';
import type { Where } from '../contract/activities.js';
import type { Effect, EffectResult } from '../domain/effects.js';
import type { RolloutPlan } from '../domain/plan.js';
import type { Ramp } from '../domain/words.js';
import type { DrainInput } from './drain.js';
import * as options from './options.js';
import { summaryOf } from './summaries.js';
import type { KeepInput } from './keep.js';

const DONE: EffectResult = { kind: 'done' };

/** Never throws: a cancelled effect is `interrupted`, one that could not be done is `failed` with a reason. */
export async function perform(plan: RolloutPlan, effect: Effect): Promise<EffectResult> {
  try {
    return await activity(plan, effect);
  } catch (error) {
    if (isCancellation(error) || error instanceof CancelledFailure) return { kind: 'interrupted' };
    return { kind: 'failed', error: rootCause(error) ?? String(error) };
  }
}

async function activity(plan: RolloutPlan, effect: Effect): Promise<EffectResult> {
  const where: Where = { rollout: workflowInfo().workflowId, target: plan.target, connections: plan.connections };
  const summary = { summary: summaryOf(plan, effect) };
  const { leaseMs } = plan;
  switch (effect.kind) {
    case 'preflight':
      return options.short.preflight.executeWithOptions(summary, [{ where, plan }]);
    case 'open-ramp':
      return options.route.openRamp.executeWithOptions(summary, [{ where, intent: effect.intent, leaseMs }]);
    case 'warm-up':
      return options
        .long(plan.warmUp.timeoutMs)
        .warmUp.executeWithOptions(summary, [
          {
            where,
            ramp: effect.ramp,
            candidate: effect.candidate,
            leaseMs,
            warmUp: plan.warmUp,
            ...(effect.lookBack === undefined ? {} : { lookBack: effect.lookBack }),
          },
        ]);
    case 'probe':
      return options.short.probe.executeWithOptions(summary, [
        { where, stable: effect.stable, candidate: effect.candidate, probes: plan.probes },
      ]);
    case 'ensure-capacity':
      return options.capacity.ensureCapacity.executeWithOptions(summary, [
        { where, revision: effect.revision, units: effect.units, floor: effect.floor },
      ]);
    case 'shift':
      return options.route.shiftWeight.executeWithOptions(summary, [{ where, intent: effect.intent, leaseMs }]);
    case 'supervise': {
      const { id: _id, ...supervise } = effect;
      return {
        kind: 'supervised',
        result: await options
          .supervision(plan, effect.bucketMs)
          .superviseRamp.executeWithOptions(summary, [{ where, supervise, tickMs: plan.tickMs, leaseMs }]),
      };
    }
    case 'roll-back':
      await revokeAtOnce(where, effect);
      return options.route.rollBack.executeWithOptions(summary, [{ where, intent: effect.intent }]);
    case 'verify':
      return options.short.verify.executeWithOptions(summary, [
        { where, stable: effect.stable, candidate: effect.candidate, probes: plan.probes },
      ]);
    case 'finalise':
      return options.route.finalise.executeWithOptions(summary, [{ where, intent: effect.intent }]);
    case 'drain':
      return options
        .long(effect.ceilingMs)
        .waitForDrain.executeWithOptions(summary, [{ where, of: effect.of, minMs: effect.minMs, ceilingMs: effect.ceilingMs }]);
    case 'verify-drain':
      return options.short.verifyDrain.executeWithOptions(summary, [
        { where, expected: effect.expected, drained: effect.drained },
      ]);
    case 'release-capacity': {
      const { stillOpen } = await options.short.releaseCapacity.executeWithOptions(summary, [{ where, of: effect.of }]);
      return stillOpen === 0
        ? DONE
        : {
            kind: 'failed',
            error: `${stillOpen} streams are still open on ${effect.of.id}, so its capacity is kept; let go of it once they have ended`,
          };
    }
    case 'hand-over-drain':
      await handOver(plan, effect.ramp, { where, of: effect.of, minMs: effect.minMs, ceilingMs: effect.ceilingMs });
      return DONE;
    case 'control-queues':
      // What else is told came later: a rollout that had passed such a point without a word goes on without it.
      if (effect.turnsBatch || patched('release-record'))
        await options.aside.controlQueues.executeWithOptions(summary, [{ where, ...effect.directive }]);
      return DONE;
    case 'notify':
      await options.aside.notify.executeWithOptions(summary, [
        { where, severity: effect.severity, title: effect.title, text: effect.text, id: effect.id },
      ]);
      return DONE;
    case 'keep-stable':
      await keep(plan, { where, revision: effect.revision, forMs: effect.forMs });
      return DONE;
  }
}

/** One pointer first (X17). Whether or not it could be written at once, the rollback goes on. */
async function revokeAtOnce(where: Where, effect: Extract<Effect, { kind: 'roll-back' }>): Promise<void> {
  try {
    await options.first.revokeRamp({ where, ramp: effect.intent.ramp });
  } catch (error) {
    if (isCancellation(error)) throw error;
  }
}

/** One a ramp: another superseded rollout may be draining still. */
async function handOver({ target }: RolloutPlan, ramp: Ramp, input: DrainInput): Promise<void> {
  await startChild(DRAIN_WORKFLOW, {
    workflowId: drainId(target, ramp),
    args: [input],
    parentClosePolicy: ParentClosePolicy.ABANDON,
    staticSummary: `drains ${input.of.id} (${input.of.release}) of a superseded rollout`,
  });
}

const KEEP_ATTEMPTS = 10;

/** A keeper of the promotion before may still run: it is ended (it releases nothing when cancelled) and replaced. */
async function keep(plan: RolloutPlan, input: KeepInput): Promise<void> {
  const workflowId = keepId(plan.target);
  for (let attempt = 1; ; attempt += 1) {
    try {
      await startChild(KEEP_WORKFLOW, {
        workflowId,
        args: [input],
        parentClosePolicy: ParentClosePolicy.ABANDON,
        staticSummary: `keeps ${input.revision.id} (${input.revision.release}) warm after its promotion`,
      });
      return;
    } catch (error) {
      if (isCancellation(error) || attempt === KEEP_ATTEMPTS || (error as Error).name !== 'WorkflowExecutionAlreadyStartedError')
        throw error;
      await getExternalWorkflowHandle(workflowId)
        .cancel()
        .catch(() => undefined);
      await sleep(500, { summary: 'the keeper of the promotion before is ending' });
    }
  }
}
