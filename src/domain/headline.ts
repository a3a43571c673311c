import type { RolloutPlan } from './plan.js';
import { describeCause } from './rollback.js';
import type { RolloutState } from './state.js';
import { stepAt } from './step-policy.js';
import { percent, weightOf } from './telling.js';
import { watchOf } from './watching.js';

/**
 * The first line of everything that shows a rollout: memo, status, result, notices. It changes with the weight and the holds,
 * not with every phase, because each change costs two events of history.
 */
export function headlineOf(plan: RolloutPlan, { phase, ledger }: RolloutState): string {
  const tag = plan.rehearsal ? ' · rehearsal' : '';
  const release = `${plan.target.service} ${plan.candidate.release}`;
  const users = `users 100 % on stable`;
  const paused = ledger.pause.kind === 'paused' ? ` · paused by ${ledger.pause.by.name}` : '';
  switch (phase.kind) {
    case 'preflight':
    case 'opening':
    case 'warming':
    case 'probing':
      return `STARTING · ${release} · ${users}${paused}${tag}`;
    case 'raising':
    case 'shifting':
    case 'soaking':
    case 'verifying':
    case 'baking': {
      const watch = watchOf(phase);
      const held = watch === undefined || watch.condition.kind === 'judging' ? '' : ` · ${watch.condition.kind}`;
      return watch === undefined
        ? `STARTING · ${release} · ${users}${paused}${tag}`
        : `AT ${percent(weightOf(plan, phase))} · ${release} · step ${watch.step + 1} of ${plan.steps.length}${held}${paused}${tag}`;
    }
    case 'finalising':
      return `PROMOTING · ${release} · users 100 % on the candidate${tag}`;
    case 'draining':
      return phase.then === 'promoted'
        ? `PROMOTED · ${release} · draining the old revision${tag}`
        : `ROLLED BACK · ${release} · ${users} · ${phase.cause}${tag}`;
    case 'schema-held':
      return `SCHEMA HOLD at 0 % · ${release} · ${users} · waiting for retry or abort${tag}`;
    case 'rolling-back':
      return `ROLLING BACK · ${release} · ${describeCause(phase.cause)}${tag}`;
    case 'cooling-off':
      return `COOLING OFF · ${release} · ${users} · ${describeCause(phase.cause)}${paused}${tag}`;
    case 'frozen':
      return `FROZEN at ${percent(stepAt(plan, Math.max(0, phase.step)).weightBp)} · ${release} · ${users} · waiting for retry or abort until ${new Date(phase.since + plan.limits.frozenMs).toISOString()}${tag}`;
    case 'closed':
      return `${{ promoted: 'PROMOTED', 'rolled-back': 'ROLLED BACK', frozen: 'FROZEN', refused: 'REFUSED' }[phase.outcome]} · ${release} · ${phase.cause}${tag}`;
  }
}
