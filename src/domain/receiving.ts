/** What a message changes, and what its sender is told. A repeated request gets its first answer (I12). */
import { humanBlockers, missingApprovals } from './blocking.js';
import { leave } from './flatness.js';
import type { Answer, Message } from './messages.js';
import { moment } from './moments.js';
import { acknowledge, holdOf } from './reminding.js';
import type { Cause } from './rollback.js';
import type { RolloutState } from './state.js';
import { stepAt } from './step-policy.js';
import { note, percent, type Turn } from './telling.js';
import { close, drainStage, openNextRamp, part, raise, rollBack } from './transitions.js';
import { bridging, isLast, watchOf } from './watching.js';

const ANSWERS_KEPT = 200;

interface Reaction {
  readonly state: RolloutState;
  readonly answer: Answer;
}

export function receive(turn: Turn, state: RolloutState, message: Message): RolloutState {
  if (answerTo(state, message.requestId) !== undefined) return state;
  const { state: next, answer } = react(turn, state, message);
  const told =
    answer.kind === 'accepted' ? next : note(turn, next, `${message.kind} refused: ${answer.reason}`, { by: message.by });
  const answers = [...told.ledger.answers, { requestId: message.requestId, answer }].slice(-ANSWERS_KEPT);
  return { ...told, ledger: { ...told.ledger, answers } };
}

export function answerTo(state: RolloutState, requestId: string): Answer | undefined {
  return state.ledger.answers.find((known) => known.requestId === requestId)?.answer;
}

/** Nobody can read it, but it was meant for this rollout: it stands on the timeline, and an undecodable abort is an abort. */
export function receiveUndecodable(
  turn: Turn,
  state: RolloutState,
  { name, what, requestId }: { name: string; what: string; requestId: string },
): RolloutState {
  const noted = note(turn, state, `undecodable message "${name}": ${what}`);
  if (name !== 'abort') return noted;
  return receive(turn, noted, {
    kind: 'abort',
    by: { name: 'unknown sender', verified: false },
    reason: 'undecodable payload',
    requestId,
  });
}

function react(turn: Turn, state: RolloutState, message: Message): Reaction {
  switch (message.kind) {
    case 'abort':
      return abort(turn, state, message);
    case 'pause':
      return pause(turn, state, message);
    case 'resume':
      return resume(turn, state, message);
    case 'approve':
      return approve(turn, state, message);
    case 'retry':
      return retry(turn, state, message);
    case 'skip':
      return leap(turn, state, message, (step) => step + 1);
    case 'promote':
      return leap(turn, state, message, () => turn.plan.steps.length - 1);
    case 'acknowledge':
      return acknowledged(turn, state, message);
  }
}

const refuse = (state: RolloutState, reason: string): Reaction => ({ state, answer: { kind: 'refused', reason } });

function accept(turn: Turn, state: RolloutState, { kind, by, reason }: Message, text: string): Reaction {
  const what = [kind, ...(text === '' ? [] : [text]), ...(reason === '' ? [] : [`"${reason}"`])].join(': ');
  return { state: note(turn, state, what, { by }), answer: { kind: 'accepted', text } };
}

/** Accepted in every phase and in every form (I12); waits for nothing (I5). */
function abort(turn: Turn, state: RolloutState, message: Message): Reaction {
  const { phase } = state;
  const { by, reason, supersededBy } = message;
  const cause: Cause = { kind: 'aborted', by, reason, ...(supersededBy === undefined ? {} : { supersededBy }) };
  const text = `aborted by ${message.by.name}`;
  const answered = (next: RolloutState, said: string): Reaction => ({ state: next, answer: { kind: 'accepted', text: said } });
  switch (phase.kind) {
    case 'preflight':
      return answered(
        close(turn, accept(turn, state, message, '').state, 'rolled-back', `${text} before anything was changed`, undefined),
        'aborted before anything was changed',
      );
    case 'opening':
    case 'warming':
    case 'probing':
    case 'raising':
    case 'shifting':
    case 'soaking':
    case 'baking':
    case 'verifying':
    case 'finalising':
      return answered(rollBack(turn, state, phase.climb, cause), 'rolling back: everybody returns to stable');
    case 'rolling-back':
      return answered(
        { ...accept(turn, state, message, '').state, phase: { ...phase, cause } },
        'a rollback is already running; the rollout ends after it',
      );
    case 'schema-held':
    case 'cooling-off':
    case 'frozen':
      return answered(
        part(turn, accept(turn, state, message, '').state, phase.climb, 'rolled-back', text, drainStage(message)),
        'everybody is on stable already; the rollout ends',
      );
    case 'draining':
      if (phase.then !== 'promoted' && phase.stage === 'draining' && supersededBy !== undefined)
        return answered(
          { ...accept(turn, state, message, '').state, phase: { ...phase, stage: 'handing-over' } },
          'everybody is on stable already; the drain is handed over',
        );
      return accept(
        turn,
        state,
        message,
        phase.then !== 'promoted'
          ? 'everybody is on stable already; the rollout is ending'
          : 'recorded; the promotion is durable already: "sluice rollback" brings the previous revision back',
      );
    case 'closed':
      return accept(turn, state, message, `the rollout has ended: ${phase.outcome}`);
  }
}

function pause(turn: Turn, state: RolloutState, message: Message): Reaction {
  switch (state.phase.kind) {
    case 'rolling-back':
    case 'frozen':
    case 'schema-held':
    case 'finalising':
    case 'draining':
    case 'closed':
      return refuse(state, `nothing advances in phase "${state.phase.kind}", so there is nothing to pause`);
    default:
  }
  if (state.ledger.pause.kind === 'paused') return refuse(state, `already paused by ${state.ledger.pause.by.name}`);
  const paused: RolloutState = {
    ...state,
    ledger: { ...state.ledger, pause: { kind: 'paused', by: message.by, reason: message.reason, at: turn.at } },
  };
  const ends = moment(turn.at + turn.plan.limits.pauseMs);
  return accept(
    turn,
    paused,
    message,
    `paused; the gates go on judging and still roll back; without a resume it ends at ${ends}`,
  );
}

function resume(turn: Turn, state: RolloutState, message: Message): Reaction {
  if (state.ledger.pause.kind === 'none') return refuse(state, 'not paused');
  return accept(turn, { ...state, ledger: { ...state.ledger, pause: { kind: 'none' } } }, message, 'resumed');
}

function approve(turn: Turn, state: RolloutState, message: Message): Reaction {
  const { plan } = turn;
  const { phase, ledger } = state;
  if (
    !('climb' in phase) ||
    ['rolling-back', 'frozen', 'schema-held', 'cooling-off', 'finalising', 'draining'].includes(phase.kind)
  )
    return refuse(state, `no approval is awaited in phase "${phase.kind}"`);
  const entered = watchOf(phase)?.step ?? -1;
  const rule = plan.approvals.find((candidate) => candidate.beforeStep > entered && missingApprovals(candidate, ledger) > 0);
  if (rule === undefined) return refuse(state, 'no approval is awaited');
  if (rule.approvers.length > 0 && !rule.approvers.includes(message.by.name))
    return refuse(state, `${message.by.name} is not an approver; approvers: ${rule.approvers.join(', ')}`);
  if (rule.notTheStarter && message.by.name === ledger.starter.name)
    return refuse(state, `${message.by.name} started this rollout; somebody else must approve it`);
  if (ledger.approvals.some((approval) => approval.step === rule.beforeStep && approval.by.name === message.by.name))
    return refuse(state, `${message.by.name} has approved already; ${missingApprovals(rule, ledger)} more needed`);
  const approved: RolloutState = {
    ...state,
    ledger: { ...ledger, approvals: [...ledger.approvals, { step: rule.beforeStep, by: message.by }] },
  };
  const missing = missingApprovals(rule, approved.ledger);
  const weight = percent(stepAt(plan, rule.beforeStep).weightBp);
  return accept(turn, approved, message, `approved ${weight}${missing === 0 ? '' : `; ${missing} more needed`}`);
}

function retry(turn: Turn, state: RolloutState, message: Message): Reaction {
  const { phase } = state;
  if (phase.kind !== 'frozen' && phase.kind !== 'schema-held' && phase.kind !== 'cooling-off')
    return refuse(state, `retry needs a rollout that is frozen, schema-held or cooling off; this one is "${phase.kind}"`);
  const { state: noted, answer } = accept(turn, state, message, 'a new ramp opens');
  const unpaused: RolloutState = { ...noted, ledger: { ...noted.ledger, pause: { kind: 'none' } } };
  return { state: openNextRamp(turn, unpaused, phase.climb.ground, phase.kind === 'cooling-off' ? phase.startStep : 0), answer };
}

function acknowledged(turn: Turn, state: RolloutState, message: Message): Reaction {
  const hold = holdOf(turn.plan, state, turn.at);
  return hold === undefined
    ? accept(turn, state, message, 'noted; nothing is held for a human now')
    : accept(turn, acknowledge(state, hold), message, 'acknowledged: the hold stays, its reminders end');
}

/** `skip` and `promote` leave the soak behind, never the gates' right to roll back, and never another person's say. */
function leap(turn: Turn, state: RolloutState, message: Message, target: (step: number) => number): Reaction {
  const { plan, at } = turn;
  const { phase, ledger } = state;
  if (phase.kind === 'baking') return refuse(state, 'already at 100 %: the bake is the last step and ends by itself');
  if (phase.kind !== 'soaking')
    return refuse(state, `${message.kind} needs a rollout that soaks at a step; this one is "${phase.kind}"`);
  const { watch, climb } = phase;
  if (isLast(plan, watch.step)) return refuse(state, 'already at the last step');
  const to = target(watch.step);
  for (let step = watch.step + 1; step <= to; step += 1) {
    const blocker = humanBlockers(plan, ledger, step, at, at)[0];
    if (blocker?.kind === 'paused') return refuse(state, 'paused: resume first');
    if (blocker?.kind === 'change-window-closed') return refuse(state, 'the change window is closed');
    if (blocker?.kind === 'awaiting-approval')
      return refuse(state, `${percent(stepAt(plan, step).weightBp)} needs ${blocker.missing} more approval(s): approve first`);
  }
  const { state: noted, answer } = accept(turn, state, message, `on to ${percent(stepAt(plan, to).weightBp)}`);
  const left = leave(noted, watch, message.kind === 'promote' ? 'promote' : 'skip');
  return { state: raise(turn, left, climb, to, { kind: 'watched', watch: bridging(watch) }), answer };
}
