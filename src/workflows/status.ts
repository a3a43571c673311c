import type { RolloutStatus } from '../contract/rollout.js';
import { blockersOf } from '../domain/blocking.js';
import { headlineOf } from '../domain/headline.js';
import type { RolloutPlan } from '../domain/plan.js';
import type { RolloutState } from '../domain/state.js';
import { stickyByOf } from '../domain/stickiness.js';
import { weightOf } from '../domain/telling.js';
import { watchOf } from '../domain/watching.js';
import type { Instant } from '../domain/words.js';

export function statusOf(plan: RolloutPlan, state: RolloutState, now: Instant): RolloutStatus {
  const { phase, ledger } = state;
  const watch = watchOf(phase);
  const climb = 'climb' in phase ? phase.climb : undefined;
  return {
    service: plan.target.service,
    environment: plan.target.environment,
    release: plan.candidate.release,
    revision: plan.candidate.id,
    profile: plan.profile,
    rehearsal: plan.rehearsal,
    phase: phase.kind,
    headline: headlineOf(plan, state),
    step: watch === undefined ? 0 : watch.step + 1,
    steps: plan.steps.length,
    weightBp: weightOf(plan, phase),
    stickyBy: stickyByOf(plan, ledger),
    stable: climb?.ground.stable,
    ramp: climb?.ramp,
    blockers: blockersOf(plan, state, now),
    judgement: watch?.last.kind === 'judged' ? watch.last.judgement : undefined,
    startedAt: ledger.startedAt,
    timeline: ledger.timeline,
  };
}
