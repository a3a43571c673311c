import type { Blocker } from './blockers.js';
import { opensAt } from './change-window.js';
import type { ApprovalRule, RolloutPlan } from './plan.js';
import type { LimitedBlocker } from './rollback.js';
import type { Ledger, Phase, RolloutState, Watch } from './state.js';
import { stepAt } from './step-policy.js';
import type { Verdict } from './verdict.js';
import type { Instant } from './words.js';

/** Every reason not to advance now. Empty exactly when the rollout may advance. */
export function blockersOf(plan: RolloutPlan, state: RolloutState, now: Instant): readonly Blocker[] {
  const { phase, ledger } = state;
  switch (phase.kind) {
    case 'soaking':
    case 'baking':
      return [
        ...evidenceBlockers(plan, phase.watch),
        ...humanBlockers(plan, ledger, phase.watch.step + 1, approvalAwaitedSince(plan, phase.watch), now),
      ];
    case 'raising':
      return humanBlockers(plan, ledger, phase.to, phase.since, now);
    case 'cooling-off':
      return ledger.pause.kind === 'paused' ? [pauseBlocker(plan, ledger.pause)] : [];
    default:
      return [];
  }
}

/**
 * Reasons that a person or the calendar gives, for entering step `to`. After the last step there is nothing to enter: a
 * pause still holds the promotion, an approval has no step to stand before.
 */
export function humanBlockers(
  plan: RolloutPlan,
  ledger: Ledger,
  to: number,
  awaitedSince: Instant,
  now: Instant,
): readonly Blocker[] {
  const blockers: Blocker[] = [];
  if (ledger.pause.kind === 'paused') blockers.push(pauseBlocker(plan, ledger.pause));
  for (const rule of plan.approvals.filter((candidate) => candidate.beforeStep === to)) {
    const missing = missingApprovals(rule, ledger);
    if (missing > 0)
      blockers.push({
        kind: 'awaiting-approval',
        missing,
        approvers: rule.approvers,
        expires: awaitedSince + plan.limits.approvalMs,
      });
  }
  const opens = opensAt(plan.changeWindows, now);
  if (opens !== undefined) blockers.push({ kind: 'change-window-closed', opens });
  return blockers;
}

/** How many more people must approve before the rule's step. */
export function missingApprovals({ beforeStep, count }: ApprovalRule, { approvals }: Pick<Ledger, 'approvals'>): number {
  return Math.max(0, count - approvals.filter(({ step }) => step === beforeStep).length);
}

function pauseBlocker(plan: RolloutPlan, pause: Extract<Ledger['pause'], { kind: 'paused' }>): Blocker {
  return { kind: 'paused', by: pause.by, reason: pause.reason, expires: pause.at + plan.limits.pauseMs };
}

/** An approval is awaited from the end of the soak, not from its beginning. */
function approvalAwaitedSince(plan: RolloutPlan, watch: Watch): Instant {
  return watch.enteredAt + stepAt(plan, watch.step).soakMs;
}

function evidenceBlockers(plan: RolloutPlan, watch: Watch): readonly Blocker[] {
  const { soakMs } = stepAt(plan, watch.step);
  const { condition, last } = watch;
  switch (condition.kind) {
    case 'idle':
      return [{ kind: 'idle', since: condition.since, expires: condition.since + plan.limits.idleMs }];
    case 'blind':
      return [
        {
          kind: 'blind',
          gates: gatesThat(watch, 'blind'),
          since: condition.since,
          expires: condition.since + plan.limits.blindMs,
          ...whyBlind(watch),
        },
      ];
    case 'foreign':
      return [{ kind: 'foreign-route', owner: condition.owner, expires: condition.since + plan.limits.foreignRouteMs }];
    case 'inconclusive':
      return [
        { kind: 'inconclusive', gates: gatesThat(watch, 'inconclusive', 'blind'), expires: inconclusiveExpires(plan, watch) },
      ];
    case 'judging':
      if (last.kind === 'judged' && last.judgement.verdict === 'pass') return [];
      return [{ kind: 'soaking', soakedMs: last.kind === 'judged' ? last.judgement.soakedMs : 0, soakMs }];
  }
}

/** What the metric sources had against the last look, where it was blind. */
export const unreadOf = ({ last }: Watch): readonly string[] => (last.kind === 'judged' ? (last.judgement.unread ?? []) : []);

function whyBlind(watch: Watch): { readonly why?: string } {
  const [why] = unreadOf(watch);
  return why === undefined ? {} : { why };
}

/** An inconclusive step is extended to `soakMaxMs`; only then does the time of the human begin. */
function inconclusiveExpires(plan: RolloutPlan, watch: Watch): Instant {
  const { soakMaxMs } = stepAt(plan, watch.step);
  return Math.max(watch.condition.since, watch.enteredAt + soakMaxMs) + plan.limits.inconclusiveMs;
}

function gatesThat(watch: Watch, ...verdicts: readonly Verdict[]) {
  if (watch.last.kind === 'none') return [];
  return watch.last.judgement.gates.filter((gate) => gate.decisive && verdicts.includes(gate.verdict)).map((gate) => gate.gate);
}

/** When a rollout gives up that waits at weight 0 for a human. */
export function holdEnds({ limits }: RolloutPlan, phase: Extract<Phase, { kind: 'frozen' | 'schema-held' }>): Instant {
  return phase.since + (phase.kind === 'frozen' ? limits.frozenMs : limits.schemaHoldMs);
}

/** The end of the time that a blocker may hold; undefined for those without a limit of their own. */
export function expiry(blocker: Blocker): Instant | undefined {
  return 'expires' in blocker ? blocker.expires : undefined;
}

const LIMITED = {
  paused: 'pause',
  'awaiting-approval': 'approval',
  inconclusive: 'inconclusive',
  idle: 'idle',
  blind: 'blind',
  'foreign-route': 'foreign-route',
} as const satisfies Partial<Record<Blocker['kind'], LimitedBlocker>>;

/** The first blocker that has outlived its limit. */
export function outlived(blockers: readonly Blocker[], now: Instant): LimitedBlocker | undefined {
  const over = blockers.find((blocker) => (expiry(blocker) ?? Infinity) <= now);
  return over === undefined || over.kind === 'soaking' || over.kind === 'change-window-closed' ? undefined : LIMITED[over.kind];
}
