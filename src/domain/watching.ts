/** The supervision of a step, bucket by bucket. */
import { humanBlockers } from './blocking.js';
import type { SuperviseResult } from './effects.js';
import type { RolloutPlan } from './plan.js';
import type { Ledger, Phase, Watch } from './state.js';
import { stepAt } from './step-policy.js';
import type { Turn } from './telling.js';
import type { Instant } from './words.js';

export const isLast = (plan: RolloutPlan, step: number): boolean => step === plan.steps.length - 1;

/** The supervised step at which the weight stands, or undefined while nobody is on the candidate. */
export function watchOf(phase: Phase): Watch | undefined {
  if ('watch' in phase) return phase.watch;
  if ('standing' in phase && phase.standing.kind === 'watched') return phase.standing.watch;
  return undefined;
}

/** The bucket that follows one that has settled; keeps what the settled one saw. */
export function nextBucket(turn: Turn, ledger: Ledger, watch: Watch, result: SuperviseResult): Watch {
  const owner = result.kind === 'foreign' ? result.owner : watch.condition.owner;
  const kind = result.kind === 'foreign' ? 'foreign' : result.condition;
  const condition = kind === watch.condition.kind ? watch.condition : { kind, since: turn.at, owner };
  const { alarms: _told, ...rest } = watch;
  return {
    ...rest,
    ...(result.alarms === undefined ? {} : { alarms: result.alarms }),
    bucket: watch.bucket + 1,
    run: 'running',
    condition,
    ...bucketFor(turn, ledger, watch.step, watch.enteredAt, condition),
    from: { kind: 'continue', evidence: result.evidence, cursors: result.cursors },
    last: result.judgement === undefined ? watch.last : { kind: 'judged', judgement: result.judgement },
  };
}

/** A bridging bucket watches the step before while the next is prepared: it never returns on a pass. */
export const bridging = (watch: Watch): Watch => ({ ...watch, returnOnPass: false });

const SHORTEST_BUCKET_MS = 1_000;

export function bucketFor(
  turn: Turn,
  ledger: Ledger,
  step: number,
  enteredAt: Instant,
  condition: Watch['condition'] | undefined,
): Pick<Watch, 'bucketMs' | 'returnOnPass'> {
  const { plan, at } = turn;
  const free = humanBlockers(plan, ledger, step + 1, at, at).length === 0;
  // The bucket ends when a limit would, so that no timer is needed beside it.
  const limit = condition === undefined ? Infinity : limitOf(plan, condition, enteredAt + stepAt(plan, step).soakMaxMs) - at;
  const approvalEnds = enteredAt + stepAt(plan, step).soakMs + plan.limits.approvalMs - at;
  const human = free
    ? Infinity
    : Math.min(approvalEnds, ledger.pause.kind === 'paused' ? ledger.pause.at + plan.limits.pauseMs - at : Infinity);
  const bucketMs = Math.max(SHORTEST_BUCKET_MS, Math.min(plan.bucketMs, limit, human > 0 ? human : Infinity));
  return { bucketMs, returnOnPass: free };
}

function limitOf(plan: RolloutPlan, condition: Watch['condition'], soakEnds: Instant): Instant {
  switch (condition.kind) {
    case 'idle':
      return condition.since + plan.limits.idleMs;
    case 'blind':
      return condition.since + plan.limits.blindMs;
    case 'foreign':
      return condition.since + plan.limits.foreignRouteMs;
    case 'inconclusive':
      return Math.max(condition.since, soakEnds) + plan.limits.inconclusiveMs;
    case 'judging':
      return Infinity;
  }
}
