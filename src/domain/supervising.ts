/** What the end of a supervision bucket changes: the one place where a rollout advances, and where a failing gate is heard (I1, I3, I4). */
import { humanBlockers, unreadOf } from './blocking.js';
import { broken, probeFailure } from './causes.js';
import { currentEffectId } from './effect-ids.js';
import type { EffectId, EffectResult, SuperviseResult } from './effects.js';
import { leave } from './flatness.js';
import type { Climb, Phase, RolloutState, Watch } from './state.js';
import { describeViolation, nextPin, stickyByOf } from './stickiness.js';
import { announce, find, note, percent, type Turn, weightOf } from './telling.js';
import { dealAnew, raise, rollBack } from './transitions.js';
import { nothingDecides } from './verdict.js';
import { bridging, bucketFor, isLast, nextBucket, watchOf } from './watching.js';

/** A supervision bucket has ended: of the current watch, or of one that a newer phase has left behind. */
export function supervised(turn: Turn, state: RolloutState, effect: EffectId, result: SuperviseResult): RolloutState {
  const { phase } = state;
  const current = effect === currentEffectId('supervise', state);
  const ofThisRamp = 'climb' in phase && effect.startsWith(`supervise/${phase.climb.ramp.id}/`);
  const watch = watchOf(phase);
  if (result.kind === 'failed' && ofThisRamp) {
    if (watch !== undefined) return gateFailed(turn, state, phase.climb, watch.step, result);
    if (phase.kind === 'draining' && phase.then === 'promoted')
      return find(turn, state, [
        'a gate failed while the promotion was being made durable: look at it, and run "sluice rollback" if users are hurt',
      ]);
  }
  if (!current || watch === undefined || !('climb' in phase)) return state;
  // What looks like a lapse is most likely our own promotion; the finalise itself says so if it was none.
  if (result.kind === 'lapsed' && phase.kind === 'finalising')
    return { ...state, phase: { ...phase, standing: { kind: 'nobody' } } };
  if (result.kind === 'lapsed')
    return rollBack(turn, state, phase.climb, { kind: 'lapsed', step: watch.step, forMs: result.forMs });
  if (result.kind === 'schema-mismatch')
    return rollBack(turn, state, phase.climb, { kind: 'schema', difference: result.difference });
  const next = nextBucket(turn, state.ledger, watch, result);
  const noted = noteAlarms(turn, noteChange(turn, state, watch, next), watch, next);
  switch (phase.kind) {
    case 'raising':
    case 'shifting':
    case 'finalising':
      return { ...noted, phase: { ...phase, standing: { kind: 'watched', watch: bridging(next) } } };
    case 'verifying':
      return { ...noted, phase: { ...phase, watch: bridging(next) } };
    case 'soaking':
    case 'baking': {
      if (result.kind === 'unsticky') return unsticky(turn, noted, { ...phase, watch: next }, result);
      const watched = { ...noted, phase: { ...phase, watch: next } };
      if (!mayAdvance(turn, watched, next, result)) return watched;
      const passed = note(turn, watched, `step ${next.step + 1} passed`, gatesOf(next));
      return leaveStep(turn, leave(passed, next, 'pass'), phase.climb, next);
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
  if ('standing' in phase) return { ...state, phase: { ...phase, standing: { kind: 'watched', watch: again } } };
  if (phase.kind === 'verifying') return { ...state, phase: { ...phase, watch: again } };
  // What interrupted it may have cleared the way: the next one returns as soon as it passes.
  const { step, enteredAt, condition } = watch;
  return {
    ...state,
    phase: { ...phase, watch: { ...again, ...bucketFor(turn, state.ledger, step, enteredAt, condition) } },
  } as RolloutState;
}

/** Counted against the step at which the weight stands, whichever supervision of the ramp saw it. */
function gateFailed(turn: Turn, state: RolloutState, climb: Climb, step: number, result: SuperviseResult): RolloutState {
  return rollBack(turn, state, climb, { kind: 'gate-failed', step, gates: result.judgement?.gates ?? [] });
}

/** People hear of a condition when it begins and when it ends. */
function noteChange(turn: Turn, state: RolloutState, before: Watch, watch: Watch): RolloutState {
  const { kind, owner } = watch.condition;
  if (before.condition.kind === kind) return state;
  const text = {
    judging: 'the gates can judge again',
    idle: isUndecided(watch)
      ? 'the soak is over and no gate decides at this step: the probes do, where the plan lets them'
      : 'no traffic: waiting for requests',
    blind: ['blind: the metrics say nothing that can be judged', ...unreadOf(watch)].join('; '),
    inconclusive: 'the soak is over and the evidence does not suffice: extended',
    foreign: `somebody else wrote the route: ${owner}`,
  }[kind];
  const noted = note(turn, state, text, gatesOf(watch));
  if (kind === 'judging') return noted;
  const held = `${turn.plan.target.service}: held at ${percent(weightOf(turn.plan, state.phase))}`;
  return announce(turn, noted, 'warning', held, text);
}

/** Alarms page: nothing else tells that a way back is getting narrow, or that a soak proves nothing. */
function noteAlarms(turn: Turn, state: RolloutState, { alarms: before = [] }: Watch, { alarms: now = [] }: Watch): RolloutState {
  const begun = now.filter((alarm) => !before.includes(alarm));
  const over = before.filter((alarm) => !now.includes(alarm));
  const told = begun.reduce((sofar, alarm) => note(turn, sofar, `alarm: ${alarm}`), state);
  const ended = over.reduce((sofar, alarm) => note(turn, sofar, `no longer: ${alarm}`), told);
  if (begun.length === 0) return ended;
  return announce(
    turn,
    ended,
    'page',
    `${turn.plan.target.service}: alarm at ${percent(weightOf(turn.plan, state.phase))}`,
    begun.join('; '),
  );
}

/**
 * Users leave the candidate though they were to stay (R18). The plan's next pin deals them anew at the same weight; where there
 * is none people are told, once a step, and the rollout goes on: it says nothing of the release.
 */
function unsticky(
  turn: Turn,
  state: RolloutState,
  phase: Extract<Phase, { kind: 'soaking' | 'baking' }>,
  { seen }: Extract<SuperviseResult, { kind: 'unsticky' }>,
): RolloutState {
  const { plan } = turn;
  const { climb, watch } = phase;
  const watched: RolloutState = { ...state, phase };
  const was = stickyByOf(plan, state.ledger) ?? 'nothing';
  const pin = nextPin(plan, state.ledger, climb.ground.capabilities);
  const text =
    pin === undefined
      ? `${describeViolation(seen)}; users are told apart by ${was}, and the plan names no pin after it that the router can`
      : `${describeViolation(seen)}; users are told apart by ${pin} from now on (was: ${was})`;
  const title = `${plan.target.service}: users leave the candidate at ${percent(weightOf(plan, phase))}`;
  const told = announce(turn, note(turn, watched, pin === undefined ? `alarm: ${text}` : text), 'warning', title, text);
  return pin === undefined
    ? { ...told, phase: { ...phase, watch: { ...watch, unsticky: true } } }
    : dealAnew(told, climb, watch, pin);
}

const isUndecided = ({ last }: Watch): boolean => last.kind === 'judged' && nothingDecides(last.judgement.gates);

const gatesOf = ({ last }: Watch) => (last.kind === 'judged' ? { gates: last.judgement.gates } : {});

/** Only a verdict that has just been given lets a rollout advance (I1, I3), and only when nothing else stands in the way. */
function mayAdvance(turn: Turn, state: RolloutState, watch: Watch, result: SuperviseResult): boolean {
  return (
    result.judgement?.verdict === 'pass' &&
    watch.condition.kind === 'judging' &&
    humanBlockers(turn.plan, state.ledger, watch.step + 1, watch.enteredAt, turn.at).length === 0
  );
}

/** To the next step, or past the last one; the step that is left stays supervised (I4). */
function leaveStep(turn: Turn, state: RolloutState, climb: Climb, watch: Watch): RolloutState {
  const bridge = bridging(watch);
  if (isLast(turn.plan, watch.step)) return { ...state, phase: { kind: 'verifying', climb, watch: bridge } };
  return raise(turn, state, climb, watch.step + 1, { kind: 'watched', watch: bridge });
}

/** `accept-on-probes` (A24): recorded as accepted, never as a pass (I3). */
export function idleProbed(turn: Turn, state: RolloutState, result: EffectResult): RolloutState {
  const { phase } = state;
  if (phase.kind !== 'soaking' && phase.kind !== 'baking') return state;
  const failure = probeFailure(turn, result);
  if (failure !== undefined) return rollBack(turn, state, phase.climb, failure);
  const { climb, watch } = phase;
  const why = isUndecided(watch) ? 'since no gate decides' : 'without traffic';
  const accepted = note(turn, state, `accepted on probes ${why}: ${turn.plan.probes.count} pinned requests`);
  return leaveStep(turn, leave(accepted, watch, 'probes'), climb, watch);
}
