import { holdEnds } from '../domain/blocking.js';
import type { Effect } from '../domain/effects.js';
import { moment } from '../domain/moments.js';
import type { RolloutPlan } from '../domain/plan.js';
import type { Phase } from '../domain/state.js';
import type { Instant } from '../domain/words.js';
import { percent } from '../domain/telling.js';
import { stepAt } from '../domain/step-policy.js';

/** What Temporal's UI shows beside an activity's name. */
export function summaryOf(plan: RolloutPlan, effect: Effect): string {
  switch (effect.kind) {
    case 'preflight':
      return `${plan.target.service} ${plan.target.environment}: is everything ready?`;
    case 'open-ramp':
      return `${effect.intent.ramp.id} at 0 %`;
    case 'warm-up':
      return `cache, model, secrets, vectors of ${effect.candidate.release}`;
    case 'probe':
      return `${plan.probes.count} pinned requests to ${effect.candidate.release}`;
    case 'ensure-capacity':
      return `at least ${effect.units} unit${effect.units === 1 ? '' : 's'} of ${effect.revision.id}`;
    case 'shift':
      return `to ${percent(effect.intent.candidateBp)} (step ${effect.step + 1} of ${plan.steps.length})`;
    case 'supervise':
      return effect.returnOnPass
        ? `watching ${percent(stepAt(plan, effect.step).weightBp)}`
        : `watching ${percent(stepAt(plan, effect.step).weightBp)} while the advance waits or is prepared`;
    case 'roll-back':
      return `everybody back to ${effect.intent.stable.id} (${effect.intent.stable.release})`;
    case 'verify':
      return 'before it is durable: probes again';
    case 'finalise':
      return `${effect.intent.candidate.release} becomes stable`;
    case 'drain':
      return `open streams of ${effect.of.id} (${effect.of.release}) end by themselves`;
    case 'hand-over-drain':
      return `superseded: open streams of ${effect.of.id} (${effect.of.release}) end by themselves, in a workflow of their own`;
    case 'verify-drain':
      return `nobody is left on ${effect.drained.id}`;
    case 'release-capacity':
      return `capacity of ${effect.of.id} is let go`;
    case 'control-queues':
      if (!effect.turnsBatch) return `the guards learn that the release is ${effect.directive.phase}`;
      return effect.directive.batchPaused ? 'batch work pauses' : 'batch work resumes';
    case 'notify':
      return effect.title;
    case 'keep-stable':
      return `${effect.revision.id} stays warm`;
  }
}

/** What happens when the timer fires. */
export function timerSummary(plan: RolloutPlan, phase: Phase, at: Instant): string {
  const when = moment(at);
  switch (phase.kind) {
    case 'cooling-off':
      return `cool-off ends ${when}, then a new ramp`;
    case 'frozen':
    case 'schema-held':
      return at < holdEnds(plan, phase) ? `reminds people at ${when}` : `gives up waiting for retry or abort at ${when}`;
    case 'rolling-back':
      return `alarm if the router has not confirmed 0 % by ${when}`;
    default:
      return `looks again at ${when}`;
  }
}
