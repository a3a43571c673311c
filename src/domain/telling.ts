/** What a transition leaves for people: lines of the timeline, notices, findings. */
import type { RolloutPlan } from './plan.js';
import type { Notification, Phase, RolloutState } from './state.js';
import { stepAt } from './step-policy.js';
import { record, SLUICE } from './timeline.js';
import type { GateVerdict } from './verdict.js';
import { watchOf } from './watching.js';
import { type Actor, type BasisPoints, EVERYBODY, type Instant } from './words.js';

export interface Turn {
  readonly plan: RolloutPlan;
  readonly at: Instant;
}

export const percent = (bp: BasisPoints): string => `${bp / 100} %`;

/** The weight that the rollout stands for: the written one, 0 from the moment a rollback begins. */
export function weightOf(plan: RolloutPlan, phase: Phase): BasisPoints {
  const watch = watchOf(phase);
  if (watch !== undefined) return stepAt(plan, watch.step).weightBp;
  const promoted =
    phase.kind === 'finalising' ||
    (phase.kind === 'draining' && phase.then === 'promoted') ||
    (phase.kind === 'closed' && phase.outcome === 'promoted');
  return promoted ? EVERYBODY : 0;
}

export function note(
  turn: Turn,
  state: RolloutState,
  what: string,
  extra: { by?: Actor; gates?: readonly GateVerdict[] } = {},
): RolloutState {
  const entry = {
    at: turn.at,
    by: extra.by ?? SLUICE,
    what,
    weightBp: weightOf(turn.plan, state.phase),
    ...(extra.gates === undefined ? {} : { gates: extra.gates }),
  };
  return { ...state, ledger: { ...state.ledger, timeline: record(state.ledger.timeline, entry) } };
}

/** Queues a notice; a rollback never waits for it (I5). */
export function announce(
  turn: Turn,
  state: RolloutState,
  severity: Notification['severity'],
  title: string,
  text: string,
): RolloutState {
  if (turn.plan.connections.notify.length === 0) return state;
  const { ledger } = state;
  const notice = { id: `notify/${ledger.noticesSent + 1}`, severity, title, text };
  return { ...state, ledger: { ...ledger, noticesSent: ledger.noticesSent + 1, outbox: [...ledger.outbox, notice] } };
}

export function find(
  turn: Turn,
  state: RolloutState,
  findings: readonly string[],
  severity: Notification['severity'] = 'page',
): RolloutState {
  if (findings.length === 0) return state;
  const ledger = { ...state.ledger, findings: [...state.ledger.findings, ...findings] };
  const noted = findings.reduce<RolloutState>((sofar, finding) => note(turn, sofar, `finding: ${finding}`), { ...state, ledger });
  return announce(turn, noted, severity, `${turn.plan.target.service}: findings`, findings.join('; '));
}
