/** Steps from one phase to the next. Each takes the whole state and gives a whole state; none decides whether to go. */
import type { Ground } from './effects.js';
import type { Message } from './messages.js';
import type { OutcomeKind } from './outcome.js';
import { openRamp } from './ramp.js';
import { type Cause, describeCause, whatFollows } from './rollback.js';
import type { Climb, Ledger, Phase, RolloutState, Standing, Watch } from './state.js';
import { stepAt } from './step-policy.js';
import { announce, note, percent, type Turn } from './telling.js';
import { bridging, bucketFor, isLast, watchOf } from './watching.js';
import type { StickyBy } from './words.js';

const go = (state: RolloutState, phase: Phase): RolloutState => ({ ...state, phase });
const count = (numbers: readonly number[], index: number): readonly number[] =>
  numbers.map((value, i) => (i === index ? value + 1 : value));

export function openNextRamp(turn: Turn, state: RolloutState, ground: Ground, startStep: number): RolloutState {
  const number = state.ledger.ramps + 1;
  const ramp = openRamp(turn.plan.candidate.release, state.ledger.seed, number, ground.epoch + number, state.ledger.owner);
  const ledger: Ledger = { ...state.ledger, ramps: number, approvals: [], left: [] };
  return note(
    turn,
    go({ ...state, ledger }, { kind: 'opening', climb: { ground, ramp, sequence: 1 }, startStep }),
    `ramp ${ramp.id} opens`,
  );
}

/** Prepares step `to`: capacity first, while the step before stays supervised (I4). */
export function raise(turn: Turn, state: RolloutState, climb: Climb, to: number, standing: Standing): RolloutState {
  return go(state, { kind: 'raising', climb, to, standing, since: turn.at });
}

export function shift(state: RolloutState, climb: Climb, to: number, standing: Standing): RolloutState {
  return go(state, { kind: 'shifting', climb: { ...climb, sequence: climb.sequence + 1 }, to, standing });
}

/**
 * The step again, at its weight, with users told apart by something else (R18). It stays supervised meanwhile (I4). What was
 * counted is not carried over: users are dealt anew, and those on the candidate now are others than before.
 */
export function dealAnew(state: RolloutState, climb: Climb, watch: Watch, stickyBy: StickyBy): RolloutState {
  const told = { ...state, ledger: { ...state.ledger, stickyBy } };
  return shift(told, climb, watch.step, { kind: 'watched', watch: bridging(watch) });
}

/** The weight has been confirmed: the step's soak begins with evidence of its own. */
export function beginStep(
  turn: Turn,
  state: RolloutState,
  climb: Climb,
  step: number,
  previous: Watch | undefined,
): RolloutState {
  const ledger: Ledger = { ...state.ledger, entries: count(state.ledger.entries, step) };
  const known = previous?.from.kind === 'continue' ? previous.from.evidence : climb.learnt;
  const evidence = known === undefined ? {} : { previous: known };
  const watch: Watch = {
    step,
    enteredAt: turn.at,
    // Where users were dealt anew the buckets count on, so that no two supervisions of a ramp have one id.
    bucket: previous?.step === step ? previous.bucket + 1 : 0,
    run: 'running',
    ...bucketFor(turn, ledger, step, turn.at, undefined),
    from: { kind: 'begin', ...evidence },
    condition: { kind: 'judging', since: turn.at, owner: '' },
    last: { kind: 'none' },
  };
  const next = go({ ...state, ledger }, { kind: isLast(turn.plan, step) ? 'baking' : 'soaking', climb, watch });
  return note(turn, next, `step ${step + 1} of ${turn.plan.steps.length}: ${percent(stepAt(turn.plan, step).weightBp)}`);
}

/** Everybody back, at once. The failure is counted here, so that it survives whatever happens to the rollback (I6). */
export function rollBack(turn: Turn, state: RolloutState, climb: Climb, cause: Cause): RolloutState {
  const step = watchOf(state.phase)?.step ?? -1;
  const failed = cause.kind === 'gate-failed';
  const ledger: Ledger = {
    ...state.ledger,
    failures: failed ? count(state.ledger.failures, cause.step) : state.ledger.failures,
    exposures: state.ledger.exposures + (failed ? 1 : 0),
    lapses: state.ledger.lapses + (cause.kind === 'lapsed' ? 1 : 0),
  };
  const noted = note(turn, { ...state, ledger }, `rollback: ${describeCause(cause)}`, {
    ...(cause.kind === 'gate-failed' ? { gates: cause.gates } : {}),
    ...(cause.kind === 'aborted' ? { by: cause.by } : {}),
  });
  return go(noted, {
    kind: 'rolling-back',
    climb: { ...climb, sequence: climb.sequence + 1 },
    cause,
    step,
    since: turn.at,
    alarm: 'quiet',
  });
}

/** A rollback that the router has not confirmed for this long pages somebody; it is tried for ever all the same. */
export const ROLLBACK_ALARM_MS = 30_000;

export function raiseAlarm(turn: Turn, state: RolloutState, phase: Extract<Phase, { kind: 'rolling-back' }>): RolloutState {
  const alarmed = note(turn, go(state, { ...phase, alarm: 'raised' }), 'the router has not confirmed 0 % yet; still trying');
  return announce(
    turn,
    alarmed,
    'page',
    `${turn.plan.target.service}: the rollback is not confirmed`,
    'The router does not confirm 0 %. Where it keeps leases, they bound the exposure; the commands to put it to stable by hand: sluice doctor.',
  );
}

/** The router has confirmed weight 0: what the table says comes next. */
export function afterRollback(turn: Turn, state: RolloutState, phase: Extract<Phase, { kind: 'rolling-back' }>): RolloutState {
  const { climb, cause, step } = phase;
  const aftermath = whatFollows(turn.plan, state.ledger, cause, turn.at);
  const exposed = step >= 0;
  const told = announce(
    turn,
    note(turn, state, 'users are safe: the router confirmed 0 %'),
    exposed ? 'page' : 'warning',
    `${turn.plan.target.service}: rolled back`,
    describeCause(cause),
  );
  switch (aftermath.kind) {
    case 'cool-off':
      return go(told, { kind: 'cooling-off', climb, until: aftermath.until, startStep: aftermath.startStep, cause });
    case 'freeze':
      return announce(
        turn,
        note(
          turn,
          go(told, { kind: 'frozen', climb, since: turn.at, cause, step }),
          `frozen: step ${step + 1} failed twice; look at NAT, DNS and cold-start headroom`,
        ),
        'page',
        `${turn.plan.target.service}: frozen`,
        'The same step failed twice. Leads: NAT, DNS, cold-start headroom (R10). Waiting for retry or abort.',
      );
    case 'hold-for-schema':
      return holdForSchema(turn, told, climb, aftermath.difference);
    case 'end':
      return part(turn, told, climb, 'rolled-back', describeCause(cause), exposed ? drainStage(cause) : 'parting');
  }
}

function holdForSchema(
  turn: Turn,
  state: RolloutState,
  climb: Climb,
  difference: Extract<Phase, { kind: 'schema-held' }>['difference'],
): RolloutState {
  const held = note(
    turn,
    go(state, { kind: 'schema-held', climb, difference, since: turn.at }),
    `held at 0 %: schema mismatch: ${difference.text}`,
  );
  return announce(
    turn,
    held,
    'warning',
    `${turn.plan.target.service}: schema mismatch`,
    `${difference.text}. Remedies: bump SCHEMA_REV; re-index or add a translation layer; re-run the canary. Then: sluice retry.`,
  );
}

/** Who supersedes does not wait for a drain: a superseded rollout hands it over and closes at once (design.md §2). */
export const drainStage = (cause: Cause | Message): 'draining' | 'handing-over' =>
  'supersededBy' in cause ? 'handing-over' : 'draining';

/** Towards the end: drain, look, let go. */
export function part(
  turn: Turn,
  state: RolloutState,
  climb: Climb,
  then: Exclude<OutcomeKind, 'refused'>,
  cause: string,
  stage: 'draining' | 'parting' | 'handing-over',
): RolloutState {
  const capacityManaged = turn.plan.connections.capacity !== undefined;
  if (stage === 'parting' && !capacityManaged) return close(turn, state, then, cause, climb.ground);
  return go(state, { kind: 'draining', climb, then, cause, stage });
}

export function close(
  turn: Turn,
  state: RolloutState,
  outcome: OutcomeKind,
  cause: string,
  ground: Ground | undefined,
): RolloutState {
  const closed = go(state, {
    kind: 'closed',
    outcome,
    cause,
    ground: ground === undefined ? { kind: 'unknown' } : { kind: 'known', ground },
  });
  const told = outcome === 'promoted' ? announce(turn, closed, 'info', `${turn.plan.target.service}: promoted`, cause) : closed;
  return note(turn, told, `${outcome}: ${cause}`);
}
