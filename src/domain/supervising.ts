/** What the end of a supervision bucket changes: the one place where a rollout advances, and where a failing gate is heard (I1, I3, I4). */
import { humanBlockers } from './blocking.js';
import { broken, probeFailure } from './causes.js';
import { currentEffectId } from './effect-ids.js';
import type { EffectId, EffectResult, SuperviseResult } from './effects.js';
import type { Climb, RolloutState, Standing, Watch } from './state.js';
import { announce, find, note, percent, type Turn, weightOf } from './telling.js';
import { raise, rollBack } from './transitions.js';
import { bridging, isLast, nextBucket, watchOf } from './watching.js';

/** A supervision bucket has ended: of the current watch, or of one that a newer phase has left behind. */
export function supervised(turn: Turn, state: RolloutState, effect: EffectId, result: SuperviseResult): RolloutState {
  const { phase } = state;
  const current = effect === currentEffectId('supervise', state);
  const ofThisRamp = 'climb' in phase && effect.startsWith(`supervise/${phase.climb.ramp.id}/`);
  const watch = watchOf(phase);
  if (result.kind === 'failed' && ofThisRamp) {
    if (watch !== undefined) return gateFailed(turn, state, phase.climb, watch.step, result);
    if (phase.kind === 'finalising' || (phase.kind === 'draining' && phase.then === 'promoted'))
      return find(turn, state, [
        'a gate failed while the promotion was being made durable: look at it, and run "sluice rollback" if users are hurt',
      ]);
  }
  if (!current || watch === undefined || !('climb' in phase)) return state;
  if (result.kind === 'lapsed')
    return rollBack(turn, state, phase.climb, { kind: 'lapsed', step: watch.step, forMs: result.forMs });
  if (result.kind === 'schema-mismatch')
    return rollBack(turn, state, phase.climb, { kind: 'schema', difference: result.difference });
  const next = noteChange(turn, state, watch, nextBucket(turn, state.ledger, watch, result));
  switch (phase.kind) {
    case 'raising':
    case 'shifting':
      return { ...next.state, phase: { ...phase, standing: { kind: 'watched', watch: bridging(next.watch) } } };
    case 'verifying':
      return { ...next.state, phase: { ...phase, watch: bridging(next.watch) } };
    case 'soaking':
    case 'baking': {
      const watched = { ...next.state, phase: { ...phase, watch: next.watch } };
      return mayAdvance(turn, watched, next.watch, result) ? advance(turn, watched, phase.climb, next.watch) : watched;
    }
    default:
      return state;
  }
}

/** The bucket gave no evidence of its own: it was interrupted before it began, or could not go on at all. */
export function unsupervised(turn: Turn, state: RolloutState, effect: EffectId, result: EffectResult): RolloutState {
  const { phase } = state;
  const watch = watchOf(phase);
  if (effect !== currentEffectId('supervise', state) || watch === undefined || !('climb' in phase)) return state;
  if (result.kind !== 'interrupted') return rollBack(turn, state, phase.climb, broken(result));
  const again: Watch = { ...watch, bucket: watch.bucket + 1, run: 'running' };
  return {
    ...state,
    phase: 'standing' in phase ? { ...phase, standing: { kind: 'watched', watch: again } } : { ...phase, watch: again },
  } as RolloutState;
}

/** Counted against the step at which the weight stands, whichever supervision of the ramp saw it. */
function gateFailed(turn: Turn, state: RolloutState, climb: Climb, step: number, result: SuperviseResult): RolloutState {
  return rollBack(turn, state, climb, { kind: 'gate-failed', step, gates: result.judgement?.gates ?? [] });
}

function noteChange(turn: Turn, state: RolloutState, before: Watch, watch: Watch): { state: RolloutState; watch: Watch } {
  if (before.condition.kind === watch.condition.kind) return { state, watch };
  const texts = {
    judging: 'the gates can judge again',
    idle: 'no traffic: waiting for requests',
    blind: 'blind: the metrics say nothing that can be judged',
    inconclusive: 'the soak is over and the evidence does not suffice: extended',
    foreign: `somebody else wrote the route: ${watch.condition.owner}`,
  } as const;
  const noted = note(
    turn,
    state,
    texts[watch.condition.kind],
    watch.last.kind === 'judged' ? { gates: watch.last.judgement.gates } : {},
  );
  return {
    state:
      watch.condition.kind === 'judging'
        ? noted
        : announce(
            turn,
            noted,
            'warning',
            `${turn.plan.target.service}: held at ${percent(weightOf(turn.plan, state.phase))}`,
            texts[watch.condition.kind],
          ),
    watch,
  };
}

/** Only a verdict that has just been given lets a rollout advance (I1, I3), and only when nothing else stands in the way. */
function mayAdvance(turn: Turn, state: RolloutState, watch: Watch, result: SuperviseResult): boolean {
  return (
    result.judgement?.verdict === 'pass' &&
    watch.condition.kind === 'judging' &&
    humanBlockers(turn.plan, state.ledger, watch.step + 1, watch.enteredAt, turn.at).length === 0
  );
}

export function advance(turn: Turn, state: RolloutState, climb: Climb, watch: Watch): RolloutState {
  const passed = note(
    turn,
    state,
    `step ${watch.step + 1} passed`,
    watch.last.kind === 'judged' ? { gates: watch.last.judgement.gates } : {},
  );
  const standing: Standing = { kind: 'watched', watch: bridging(watch) };
  if (isLast(turn.plan, watch.step)) return { ...passed, phase: { kind: 'verifying', climb, watch: bridging(watch) } };
  return raise(turn, passed, climb, watch.step + 1, standing);
}

/** `accept-on-probes` (A24): recorded as accepted, never as a pass (I3). */
export function idleProbed(turn: Turn, state: RolloutState, result: EffectResult): RolloutState {
  const { phase } = state;
  if (phase.kind !== 'soaking' && phase.kind !== 'baking') return state;
  const failure = probeFailure(turn, result);
  if (failure !== undefined) return rollBack(turn, state, phase.climb, failure);
  const accepted = note(turn, state, `accepted on probes without traffic: ${turn.plan.probes.count} pinned requests`);
  const { climb, watch } = phase;
  if (isLast(turn.plan, watch.step)) return { ...accepted, phase: { kind: 'verifying', climb, watch: bridging(watch) } };
  return raise(turn, accepted, climb, watch.step + 1, { kind: 'watched', watch: bridging(watch) });
}
