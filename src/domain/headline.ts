import { holdEnds, missingApprovals } from './blocking.js';
import type { RolloutPlan } from './plan.js';
import { describeCause } from './rollback.js';
import { moment } from './moments.js';
import type { Ledger, RolloutState, Watch } from './state.js';
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
      const held = watch === undefined ? '' : waitingFor(plan, ledger, watch);
      return watch === undefined
        ? `STARTING · ${release} · ${users}${paused}${tag}`
        : `AT ${percent(weightOf(plan, phase))} · ${release} · step ${watch.step + 1} of ${plan.steps.length}${held}${paused}${tag}`;
    }
    case 'finalising':
      return `PROMOTING · ${release} · users 100 % on the candidate${tag}`;
    case 'draining':
      return phase.then === 'promoted'
        ? `PROMOTED · ${release} · draining the old revision${tag}`
        : `ROLLED BACK · ${release} · ${users} · ${first(phase.cause)}${tag}`;
    case 'schema-held':
      return `SCHEMA HOLD at 0 % · ${release} · ${users} · waiting for retry or abort${tag}`;
    case 'rolling-back':
      return `ROLLING BACK · ${release} · ${first(describeCause(phase.cause))}${tag}`;
    case 'cooling-off':
      return `COOLING OFF · ${release} · ${users} · ${first(describeCause(phase.cause))}${paused}${tag}`;
    case 'frozen':
      return `FROZEN at ${percent(stepAt(plan, Math.max(0, phase.step)).weightBp)} · ${release} · ${users} · waiting for retry or abort until ${moment(holdEnds(plan, phase))}${tag}`;
    case 'closed':
      return phase.outcome === 'promoted'
        ? `PROMOTED · ${plan.target.service} ${phase.cause}${tag}`
        : `${{ 'rolled-back': 'ROLLED BACK', frozen: 'FROZEN', refused: 'REFUSED' }[phase.outcome]} · ${release} · ${users} · ${first(phase.cause)}${tag}`;
  }
}

/** The first sentence: a headline has room for what happened, the details for the rest. */
const first = (text: string): string => text.split(/(?<=[^0-9])\. /)[0] ?? text;

function waitingFor(plan: RolloutPlan, ledger: Ledger, watch: Watch): string {
  if (watch.condition.kind !== 'judging') return ` · ${watch.condition.kind}`;
  if (watch.last.kind === 'none' || watch.last.judgement.verdict !== 'pass') return '';
  const missing = plan.approvals
    .filter(({ beforeStep }) => beforeStep === watch.step + 1)
    .reduce((sum, rule) => sum + missingApprovals(rule, ledger), 0);
  return missing === 0 ? '' : ` · WAITING FOR APPROVAL (${missing} missing)`;
}
