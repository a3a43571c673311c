import type { Blocker } from './blockers.js';
import { blockersOf } from './blocking.js';
import { headlineOf } from './headline.js';
import type { RolloutPlan } from './plan.js';
import type { RolloutState } from './state.js';
import { percent, weightOf } from './telling.js';
import { watchOf } from './watching.js';
import type { Instant } from './words.js';

const SHOWN = 40;

/** Markdown for Temporal's UI: what the person woken at 3 a.m. reads, without our tools. */
export function detailsOf(plan: RolloutPlan, state: RolloutState, now: Instant): string {
  const gates = watchOf(state.phase)?.last;
  const lines = [
    `**${headlineOf(plan, state)}**`,
    '',
    usersLine(plan, state),
    '',
    ...section('Blocked by', blockersOf(plan, state, now).map(describeBlocker)),
    ...section(
      'Gates',
      gates?.kind === 'judged'
        ? gates.judgement.gates.map(
            (gate) => `${gate.gate}: **${gate.verdict}**${gate.decisive ? '' : ' (observed)'}. ${gate.sentence}`,
          )
        : [],
    ),
    ...section('Do', instructions(state)),
    ...section(
      'Timeline',
      state.ledger.timeline
        .slice(-SHOWN)
        .map(
          (entry) =>
            `${clock(entry.at)} · ${percent(entry.weightBp)} · ${entry.by.name}${entry.by.verified ? '' : ' (claimed)'}: ${entry.what}`,
        ),
    ),
  ];
  return lines.join('\n');
}

function usersLine(plan: RolloutPlan, { phase, ledger }: RolloutState): string {
  const weight = weightOf(plan, phase);
  const safe = [...ledger.timeline].reverse().find((entry) => entry.what.startsWith('users are safe'));
  if (weight === 0 && safe !== undefined) return `USERS ARE SAFE: the router was read back at 0 % at ${clock(safe.at)}.`;
  return weight === 0 ? 'Users: 100 % on stable.' : `Users: ${percent(weight)} on the candidate ${plan.candidate.release}.`;
}

function instructions({ phase }: RolloutState): readonly string[] {
  const cancel = 'Request Cancellation is an abort. Do not press Terminate or Reset: they run nothing.';
  switch (phase.kind) {
    case 'frozen':
      return [
        'The same step failed twice. Leads: NAT, DNS, cold-start headroom.',
        'Send the signal `retry` (a new ramp) or `abort` (end). The payload is optional: `{"by": "you", "reason": "why"}`.',
        cancel,
      ];
    case 'schema-held':
      return [
        'Bump SCHEMA_REV, re-index or add a translation layer, then re-run the canary.',
        'Send the signal `retry` or `abort`. The payload is optional.',
        cancel,
      ];
    case 'closed':
      return [];
    default:
      return [
        'Signals: `approve`, `pause`, `resume`, `skip`, `promote`, `abort`. The payload is optional: `{"by": "you", "reason": "why"}`.',
        cancel,
      ];
  }
}

export function describeBlocker(blocker: Blocker): string {
  switch (blocker.kind) {
    case 'soaking':
      return `soak ${Math.floor(blocker.soakedMs / 1000)} of ${Math.floor(blocker.soakMs / 1000)} s`;
    case 'paused':
      return `paused by ${blocker.by.name}${blocker.reason === '' ? '' : ` (${blocker.reason})`}; rolls back at ${clock(blocker.expires)}`;
    case 'awaiting-approval':
      return `approval: ${blocker.missing} missing${blocker.approvers.length === 0 ? '' : ` (${blocker.approvers.join(', ')})`}; rolls back at ${clock(blocker.expires)}`;
    case 'inconclusive':
      return `too little evidence (${blocker.gates.join(', ')}); rolls back at ${clock(blocker.expires)}`;
    case 'idle':
      return `no traffic since ${clock(blocker.since)}: send requests, or set idle.then; rolls back at ${clock(blocker.expires)}`;
    case 'blind':
      return `blind (${blocker.gates.join(', ')}) since ${clock(blocker.since)}: look at the metric source; rolls back at ${clock(blocker.expires)}`;
    case 'change-window-closed':
      return `the change window opens at ${clock(blocker.opens)}`;
    case 'foreign-route':
      return `the route belongs to ${blocker.owner}; ends at ${clock(blocker.expires)}`;
  }
}

const clock = (at: Instant): string => `${new Date(at).toISOString().slice(0, 19)}Z`;

function section(title: string, lines: readonly string[]): readonly string[] {
  return lines.length === 0 ? [] : [`### ${title}`, ...lines.map((line) => `- ${line}`), ''];
}
