/** What a settled effect changes. An effect that is no longer current changes nothing, except that a failing gate is never ignored (I4). */
import { humanBlockers } from './blocking.js';
import { broken, probeFailure } from './causes.js';
import { directiveId } from './directing.js';
import { currentEffectId } from './effect-ids.js';
import type { EffectId, EffectResult } from './effects.js';
import { sayWhatIsFlat } from './flatness.js';
import { describeCause } from './rollback.js';
import type { Climb, Phase, RolloutState } from './state.js';
import { idleProbed, supervised, unsupervised } from './supervising.js';
import { find, note, type Turn } from './telling.js';
import { afterRollback, beginStep, close, openNextRamp, part, raise, rollBack, shift } from './transitions.js';

export function settle(turn: Turn, state: RolloutState, effect: EffectId, result: EffectResult): RolloutState {
  if (effect.startsWith('notify/')) return dropNotice(turn, state, effect, result);
  if (effect.startsWith('control-queues/')) return queuesTold(turn, state, effect, result);
  if (result.kind === 'supervised') return supervised(turn, state, effect, result.result);
  if (effect.startsWith('supervise/')) return unsupervised(turn, state, effect, result);
  if (result.kind === 'interrupted') return state;
  if (effect === currentEffectId('probe-idle', state)) return idleProbed(turn, state, result);
  if (effect !== currentEffectId('main', state)) return state;
  const { phase } = state;
  switch (phase.kind) {
    case 'preflight':
      return preflighted(turn, state, result);
    case 'opening':
      if (result.kind !== 'done') return rollBack(turn, state, phase.climb, broken(result));
      return {
        ...state,
        phase: {
          kind: 'warming',
          climb: phase.climb,
          startStep: phase.startStep,
          stage: turn.plan.connections.capacity === undefined ? 'warm-path' : 'capacity',
        },
      };
    case 'warming':
      return warmed(turn, state, phase, result);
    case 'probing':
      return probed(turn, state, phase, result);
    case 'raising':
      if (result.kind === 'capacity-failed')
        return rollBack(turn, state, phase.climb, { kind: 'capacity-failed', text: result.reason });
      if (result.kind !== 'done') return rollBack(turn, state, phase.climb, broken(result));
      return raised(turn, state, phase);
    case 'shifting':
      return shifted(turn, state, phase, result);
    case 'rolling-back':
      return rolledBack(turn, state, phase, result);
    case 'verifying':
      if (result.kind === 'verified' && result.failures.length === 0)
        return {
          ...sayWhatIsFlat(turn, state),
          phase: {
            kind: 'finalising',
            climb: { ...phase.climb, sequence: phase.climb.sequence + 1 },
            standing: { kind: 'watched', watch: phase.watch },
          },
        };
      return rollBack(turn, state, phase.climb, {
        kind: 'verify-failed',
        text: result.kind === 'verified' ? `verification failed: ${result.failures.join('; ')}` : describeCause(broken(result)),
      });
    case 'finalising':
      if (result.kind === 'superseded')
        return rollBack(turn, state, phase.climb, { kind: 'lapsed', step: turn.plan.steps.length - 1, forMs: 0 });
      if (result.kind !== 'done') return rollBack(turn, state, phase.climb, broken(result));
      return part(
        turn,
        note(turn, state, 'finalised: the candidate is stable'),
        phase.climb,
        'promoted',
        `${turn.plan.candidate.release} serves everybody`,
        'draining',
      );
    case 'draining':
      return drained(turn, state, phase, result);
    default:
      return state;
  }
}

function preflighted(turn: Turn, state: RolloutState, result: EffectResult): RolloutState {
  if (result.kind === 'preflight') {
    const noted = result.ground.warnings.reduce(
      (sofar, warning) => note(turn, sofar, `warning: ${warning}`),
      note(turn, state, `preflight passed; gates in force: ${result.ground.gatesInForce.join(', ')}`),
    );
    return openNextRamp(turn, noted, result.ground, 0);
  }
  const reasons = result.kind === 'refused' ? result.reasons.join('; ') : describeCause(broken(result));
  return close(turn, state, 'refused', reasons, undefined);
}

function warmed(turn: Turn, state: RolloutState, phase: Extract<Phase, { kind: 'warming' }>, result: EffectResult): RolloutState {
  const { climb } = phase;
  if (result.kind === 'capacity-failed') return rollBack(turn, state, climb, { kind: 'capacity-failed', text: result.reason });
  if (result.kind === 'not-warm')
    return rollBack(turn, state, climb, {
      kind: 'not-warm',
      text: `the candidate did not get warm: ${result.failing.join(', ')}`,
    });
  if (result.kind !== 'done') return rollBack(turn, state, climb, broken(result));
  if (phase.stage === 'capacity') return { ...state, phase: { ...phase, stage: 'warm-path' } };
  const { learnt } = result;
  const unlearnt = learnt?.kind === 'nothing' ? `; nothing learnt of stable's past: ${learnt.why}` : '';
  const wise: Climb = learnt?.kind === 'learnt' ? { ...climb, learnt: learnt.evidence } : climb;
  return { ...note(turn, state, `warm${unlearnt}`), phase: { kind: 'probing', climb: wise, startStep: phase.startStep } };
}

function probed(turn: Turn, state: RolloutState, phase: Extract<Phase, { kind: 'probing' }>, result: EffectResult): RolloutState {
  if (result.kind === 'schema-mismatch')
    return rollBack(turn, state, phase.climb, { kind: 'schema', difference: result.difference });
  const failure = probeFailure(turn, result);
  if (failure !== undefined) return rollBack(turn, state, phase.climb, failure);
  return raise(
    turn,
    note(turn, state, `probes passed: ${turn.plan.probes.count} pinned requests`),
    phase.climb,
    phase.startStep,
    { kind: 'nobody' },
  );
}

/** Capacity stands. A blocker that arose meanwhile holds the shift: `evolve` says what that means. */
function raised(turn: Turn, state: RolloutState, phase: Extract<Phase, { kind: 'raising' }>): RolloutState {
  const held = humanBlockers(turn.plan, state.ledger, phase.to, phase.since, turn.at).length > 0;
  return held ? state : shift(state, phase.climb, phase.to, phase.standing);
}

function shifted(
  turn: Turn,
  state: RolloutState,
  phase: Extract<Phase, { kind: 'shifting' }>,
  result: EffectResult,
): RolloutState {
  const standing = phase.standing.kind === 'watched' ? phase.standing.watch : undefined;
  if (result.kind === 'done') return beginStep(turn, state, phase.climb, phase.to, standing);
  if (result.kind === 'superseded')
    return rollBack(turn, state, phase.climb, { kind: 'lapsed', step: standing?.step ?? 0, forMs: 0 });
  return rollBack(turn, state, phase.climb, broken(result));
}

function rolledBack(
  turn: Turn,
  state: RolloutState,
  phase: Extract<Phase, { kind: 'rolling-back' }>,
  result: EffectResult,
): RolloutState {
  const found =
    result.kind === 'done' ? [] : [`the router did not confirm 0 %: ${describeCause(broken(result))}; its route was left alone`];
  return afterRollback(turn, find(turn, state, found), phase);
}

function drained(
  turn: Turn,
  state: RolloutState,
  phase: Extract<Phase, { kind: 'draining' }>,
  result: EffectResult,
): RolloutState {
  const { climb, then, cause } = phase;
  switch (phase.stage) {
    case 'draining': {
      const found =
        result.kind === 'drained' && result.activeAtCeiling > 0
          ? [`${result.activeAtCeiling} streams were still open at the drain ceiling; nothing was killed`]
          : result.kind === 'failed'
            ? [`the drain could not be watched: ${result.error}`]
            : [];
      const next = find(turn, state, found);
      return then === 'promoted'
        ? { ...next, phase: { ...phase, stage: 'verifying' } }
        : part(turn, next, climb, then, cause, 'parting');
    }
    case 'verifying': {
      const found = result.kind === 'drain-verified' ? result.findings : [describeCause(broken(result))];
      return part(turn, find(turn, state, found), climb, then, cause, 'parting');
    }
    case 'parting':
    case 'handing-over':
      return close(
        turn,
        result.kind === 'done' ? state : find(turn, state, [describeCause(broken(result))]),
        then,
        cause,
        climb.ground,
      );
  }
}

function dropNotice(turn: Turn, state: RolloutState, effect: EffectId, result: EffectResult): RolloutState {
  const ledger = { ...state.ledger, outbox: state.ledger.outbox.filter((notice) => notice.id !== effect) };
  return result.kind === 'failed'
    ? note(turn, { ...state, ledger }, `a notice could not be sent: ${result.error}`)
    : { ...state, ledger };
}

function queuesTold(turn: Turn, state: RolloutState, effect: EffectId, result: EffectResult): RolloutState {
  const { directing, batch: before } = state.ledger;
  if (result.kind === 'interrupted' || directing.kind === 'none' || effect !== directiveId(directing.directive)) return state;
  const { directive } = directing;
  const batch = directive.batchPaused ? 'paused' : 'running';
  const told: RolloutState = { ...state, ledger: { ...state.ledger, batch, directing: { kind: 'told', directive } } };
  const isTurned = batch !== before;
  if (result.kind === 'done')
    return isTurned ? note(turn, told, batch === 'paused' ? 'batch work paused' : 'batch work resumed') : told;
  const what = isTurned ? `batch is ${batch}` : `the release is ${directive.phase}`;
  return find(turn, told, [`the queues could not be told that ${what}: ${describeCause(broken(result))}`]);
}
