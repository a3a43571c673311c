/**
 * What a rollout becomes by what happens to it. Pure: time comes with the event. Invariants upheld here:
 * I1 weights are plan values, one step at a time, each on a pass (`advance`). I3 only a pass advances. I4 a failing gate is
 * honoured in every phase with weight above 0 (`supervised`). I6 counts survive (`rollBack`). I10 every decision is noted.
 * I12 every message is answered (`receive`).
 */
import { blockersOf, holdEnds, outlived } from './blocking.js';
import { direct } from './directing.js';
import type { RolloutEvent } from './effects.js';
import type { RolloutPlan } from './plan.js';
import { receive, receiveUndecodable } from './receiving.js';
import { remind } from './reminding.js';
import { settle } from './settling.js';
import type { Phase, RolloutState } from './state.js';
import { note, type Turn } from './telling.js';
import { openNextRamp, part, raiseAlarm, rollBack, ROLLBACK_ALARM_MS, shift } from './transitions.js';

export function evolve(plan: RolloutPlan, state: RolloutState, event: RolloutEvent): RolloutState {
  const turn: Turn = { plan, at: event.at };
  return direct(plan, remind(turn, freshVerdictIfFree(turn, state, obeyTheClock(turn, happen(turn, state, event)))));
}

function happen(turn: Turn, state: RolloutState, event: RolloutEvent): RolloutState {
  switch (event.kind) {
    case 'settled':
      return settle(turn, state, event.effect, event.result);
    case 'message':
      return receive(turn, state, event.message);
    case 'undecodable':
      return receiveUndecodable(turn, state, event);
    case 'cancel-requested':
      return receive(turn, state, {
        kind: 'abort',
        by: { name: 'Temporal cancel request', verified: false },
        reason: 'cancel requested',
        requestId: `cancel/${event.at}`,
      });
    case 'woke':
      return state;
  }
}

/** Limits that have run out, and waits that are over. Looked at after every event, so no wake-up can be missed. */
function obeyTheClock(turn: Turn, state: RolloutState): RolloutState {
  const { plan, at } = turn;
  const { phase } = state;
  const blockers = blockersOf(plan, state, at);
  const over = outlived(blockers, at);
  switch (phase.kind) {
    case 'soaking':
    case 'baking':
      if (over !== undefined) return rollBack(turn, state, phase.climb, { kind: 'limit', of: over });
      if (phase.watch.condition.kind === 'idle' && plan.idleThen === 'roll-back')
        return rollBack(turn, state, phase.climb, { kind: 'limit', of: 'idle' });
      return state;
    case 'raising':
      if (over !== undefined) return rollBack(turn, state, phase.climb, { kind: 'limit', of: over });
      return raiseOrWait(turn, state, phase, blockers.length > 0);
    case 'rolling-back':
      return phase.alarm === 'quiet' && phase.since + ROLLBACK_ALARM_MS <= at ? raiseAlarm(turn, state, phase) : state;
    case 'cooling-off':
      if (over !== undefined) return part(turn, state, phase.climb, 'rolled-back', 'paused beyond its limit', 'parting');
      return phase.until <= at && state.ledger.pause.kind === 'none'
        ? openNextRamp(turn, state, phase.climb.ground, phase.startStep)
        : state;
    case 'schema-held':
      return holdEnds(plan, phase) <= at
        ? part(
            turn,
            note(turn, state, 'the schema hold reached its limit'),
            phase.climb,
            'rolled-back',
            `schema mismatch: ${phase.difference.text}`,
            'parting',
          )
        : state;
    case 'frozen':
      return holdEnds(plan, phase) <= at
        ? part(
            turn,
            note(turn, state, 'frozen to its limit'),
            phase.climb,
            'frozen',
            'nobody came: frozen to its limit',
            'parting',
          )
        : state;
    default:
      return state;
  }
}

/**
 * A blocker that arises while the next step is prepared takes a watched step back to its soak, so that the advance rests on
 * a fresh pass; nobody on the candidate simply waits. Where nothing controls capacity there is nothing to wait for.
 */
function raiseOrWait(turn: Turn, state: RolloutState, phase: Extract<Phase, { kind: 'raising' }>, held: boolean): RolloutState {
  if (held && phase.standing.kind === 'watched')
    return { ...state, phase: { kind: 'soaking', climb: phase.climb, watch: phase.standing.watch } };
  return held || turn.plan.connections.capacity !== undefined ? state : shift(state, phase.climb, phase.to, phase.standing);
}

/**
 * The last blocker that a human or the calendar held has gone while a bucket runs that does not return on a pass: interrupt
 * it, because the advance must rest on a fresh verdict (design.md §2).
 */
function freshVerdictIfFree(turn: Turn, before: RolloutState, state: RolloutState): RolloutState {
  const { phase } = state;
  if (phase.kind !== 'soaking' && phase.kind !== 'baking') return state;
  if (phase.watch.returnOnPass || phase.watch.run === 'stopping' || before.phase.kind !== phase.kind) return state;
  const held = blockersOf(turn.plan, state, turn.at).some(
    (blocker) => blocker.kind === 'paused' || blocker.kind === 'awaiting-approval' || blocker.kind === 'change-window-closed',
  );
  return held ? state : { ...state, phase: { ...phase, watch: { ...phase.watch, run: 'stopping' } } };
}
