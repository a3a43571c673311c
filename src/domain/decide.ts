/**
 * What a rollout wants to be happening now. Pure, and the same state gives the same effects, so that asking twice starts
 * nothing twice. Invariants upheld here: I4 supervision stands beside every phase with weight above 0. I5 a rollback is
 * wanted alone, with nothing to wait for. I8 capacity goes only in the last stage of parting.
 */
import type { Blocker } from './blockers.js';
import { blockersOf, expiry, holdEnds } from './blocking.js';
import { directiveId } from './directing.js';
import { currentEffectId } from './effect-ids.js';
import type { Effect, LookBack, Supervise } from './effects.js';
import { headlineOf } from './headline.js';
import type { Outcome } from './outcome.js';
import type { RolloutPlan } from './plan.js';
import { nextReminder } from './reminding.js';
import type { RouteIntent } from './route.js';
import type { Climb, Ledger, Phase, RolloutState, Watch } from './state.js';
import { stepAt, stepPolicy, unitsFor } from './step-policy.js';
import { stickyByOf } from './stickiness.js';
import { ROLLBACK_ALARM_MS } from './transitions.js';
import { watchOf } from './watching.js';
import { type BasisPoints, EVERYBODY, type Instant } from './words.js';

export type Wake = { readonly kind: 'at'; readonly at: Instant } | { readonly kind: 'never' };

export type Decision =
  | { readonly kind: 'run'; readonly effects: readonly Effect[]; readonly blockers: readonly Blocker[]; readonly wake: Wake }
  | { readonly kind: 'finish'; readonly outcome: Outcome };

export function decide(plan: RolloutPlan, state: RolloutState, now: Instant): Decision {
  const aside = [...queueEffects(state), ...noticeEffects(state)];
  if (state.phase.kind === 'closed' && aside.length === 0)
    return { kind: 'finish', outcome: outcomeOf(plan, state, state.phase) };
  const blockers = blockersOf(plan, state, now);
  return {
    kind: 'run',
    effects: [...mainEffects(plan, state, blockers), ...superviseEffects(plan, state), ...aside],
    blockers,
    wake: wakeOf(plan, state, blockers, now),
  };
}

function intentOf(plan: RolloutPlan, ledger: Ledger, climb: Climb, candidateBp: BasisPoints): RouteIntent {
  const stickyBy = stickyByOf(plan, ledger);
  return {
    stable: climb.ground.stable,
    candidate: plan.candidate,
    candidateBp,
    ramp: climb.ramp,
    sequence: climb.sequence,
    sticky: plan.sticky,
    // Said only where it is not the one that routers have always known.
    ...(stickyBy === undefined || stickyBy === 'user' ? {} : { stickyBy }),
  };
}

function mainEffects(plan: RolloutPlan, state: RolloutState, blockers: readonly Blocker[]): readonly Effect[] {
  const { phase, ledger } = state;
  const id = currentEffectId('main', state) ?? '';
  const { candidate } = plan;
  switch (phase.kind) {
    case 'preflight':
      return [{ id, kind: 'preflight' }];
    case 'opening':
      return [{ id, kind: 'open-ramp', intent: intentOf(plan, ledger, phase.climb, 0) }];
    case 'warming':
      return phase.stage === 'capacity'
        ? [capacity(plan, id, phase.climb, 0)]
        : [{ id, kind: 'warm-up', ramp: phase.climb.ramp, candidate, ...lookBack(plan, ledger, phase) }];
    case 'probing':
      return [{ id, kind: 'probe', ramp: phase.climb.ramp, stable: phase.climb.ground.stable, candidate }];
    case 'raising':
      return blockers.length > 0 || plan.connections.capacity === undefined ? [] : [capacity(plan, id, phase.climb, phase.to)];
    case 'shifting':
      return [
        { id, kind: 'shift', step: phase.to, intent: intentOf(plan, ledger, phase.climb, stepAt(plan, phase.to).weightBp) },
      ];
    case 'soaking':
    case 'baking':
      return idleProbe(plan, state, phase);
    case 'verifying':
      return [{ id, kind: 'verify', ramp: phase.climb.ramp, stable: phase.climb.ground.stable, candidate }];
    case 'rolling-back':
      return [{ id, kind: 'roll-back', intent: intentOf(plan, ledger, phase.climb, 0) }];
    case 'finalising':
      return [{ id, kind: 'finalise', intent: intentOf(plan, ledger, phase.climb, 0) }];
    case 'draining':
      return [draining(plan, phase, id)];
    case 'schema-held':
    case 'cooling-off':
    case 'frozen':
    case 'closed':
      return [];
  }
}

function lookBack(
  plan: RolloutPlan,
  ledger: RolloutState['ledger'],
  { climb, startStep }: Extract<Phase, { kind: 'warming' }>,
): { readonly lookBack?: LookBack } {
  const { lookBackMs: spanMs = 0 } = plan;
  const { ground } = climb;
  return spanMs === 0 ? {} : { lookBack: { stable: ground.stable, policy: stepPolicy(plan, ledger, ground, startStep), spanMs } };
}

function capacity(plan: RolloutPlan, id: string, climb: Climb, step: number): Effect {
  const { stable, stableUnits } = climb.ground;
  return {
    id,
    kind: 'ensure-capacity',
    revision: plan.candidate,
    units: unitsFor(plan, step),
    floor: { revision: stable, units: stableUnits },
  };
}

function draining(plan: RolloutPlan, { stage, then, climb }: Extract<Phase, { kind: 'draining' }>, id: string): Effect {
  const promoted = then === 'promoted';
  const { stable } = climb.ground;
  const leaving = promoted ? stable : plan.candidate;
  switch (stage) {
    case 'draining':
      return { id, kind: 'drain', of: leaving, minMs: plan.drain.minMs, ceilingMs: plan.drain.ceilingMs };
    case 'verifying':
      return { id, kind: 'verify-drain', expected: plan.candidate, drained: stable };
    case 'parting':
      return promoted
        ? { id, kind: 'keep-stable', revision: stable, forMs: plan.keepStableMs }
        : { id, kind: 'release-capacity', of: plan.candidate };
    case 'handing-over':
      return {
        id,
        kind: 'hand-over-drain',
        ramp: climb.ramp,
        of: leaving,
        minMs: plan.drain.minMs,
        ceilingMs: plan.drain.ceilingMs,
      };
  }
}

/** Without traffic a step may be accepted on probes where the plan says so; the soak's time has to pass all the same (A24). */
function idleProbe(
  plan: RolloutPlan,
  state: RolloutState,
  { climb, watch }: Extract<Phase, { kind: 'soaking' | 'baking' }>,
): readonly Effect[] {
  const id = currentEffectId('probe-idle', state);
  if (id === undefined || plan.idleThen !== 'accept-on-probes' || watch.condition.kind !== 'idle' || watch.bucket === 0)
    return [];
  if (watch.last.kind === 'none' || watch.last.judgement.soakedMs < stepAt(plan, watch.step).soakMs || !watch.returnOnPass)
    return [];
  return [{ id, kind: 'probe', ramp: climb.ramp, stable: climb.ground.stable, candidate: plan.candidate }];
}

function superviseEffects(plan: RolloutPlan, state: RolloutState): readonly Effect[] {
  const { phase, ledger } = state;
  const watch = watchOf(phase);
  const id = currentEffectId('supervise', state);
  if (watch === undefined || id === undefined || !('climb' in phase) || watch.run === 'stopping') return [];
  return [{ ...supervise(plan, ledger, phase.climb, watch, id), ...askedAfter(plan, state, watch) }];
}

/** Whether users stay is asked while a step is watched by itself, and where there is a side to leave for (R18). */
function askedAfter(plan: RolloutPlan, { phase, ledger }: RolloutState, watch: Watch): Pick<Supervise, 'stickyBy'> {
  const stickyBy = stickyByOf(plan, ledger);
  const isWatched = phase.kind === 'soaking' || phase.kind === 'baking';
  const isSplit = stepAt(plan, watch.step).weightBp < EVERYBODY;
  return stickyBy === undefined || !isWatched || !isSplit || watch.unsticky === true ? {} : { stickyBy };
}

function supervise(
  plan: RolloutPlan,
  ledger: RolloutState['ledger'],
  { ground, ramp }: Climb,
  watch: Watch,
  id: string,
): Effect & Supervise {
  return {
    id,
    kind: 'supervise',
    ramp,
    stable: ground.stable,
    candidate: plan.candidate,
    step: watch.step,
    bucket: watch.bucket,
    policy: stepPolicy(plan, ledger, ground, watch.step),
    from: watch.from,
    bucketMs: watch.bucketMs,
    returnOnPass: watch.returnOnPass,
    known: watch.condition.kind,
    ...(ground.stableUnits === 0 ? {} : { floor: ground.stableUnits }),
    ...(watch.alarms === undefined ? {} : { alarms: watch.alarms }),
  };
}

function queueEffects({ ledger }: RolloutState): readonly Effect[] {
  const { directing, batch } = ledger;
  if (directing.kind !== 'telling') return [];
  const { directive } = directing;
  const turnsBatch = directive.batchPaused !== (batch === 'paused');
  return [{ id: directiveId(directive), kind: 'control-queues', directive, turnsBatch }];
}

function noticeEffects({ ledger }: RolloutState): readonly Effect[] {
  return ledger.outbox.map(({ id, severity, title, text }) => ({ id, kind: 'notify', severity, title, text }));
}

/** Where a supervision runs its bucket ends in time, and no timer is needed beside it; the holds at weight 0 need one. */
function wakeOf(plan: RolloutPlan, state: RolloutState, blockers: readonly Blocker[], now: Instant): Wake {
  const { phase } = state;
  const reminder = nextReminder(plan, state, now);
  switch (phase.kind) {
    case 'cooling-off':
      return earliest([phase.until, reminder, ...blockers.map(expiry)]);
    case 'rolling-back':
      return phase.alarm === 'quiet' ? earliest([phase.since + ROLLBACK_ALARM_MS]) : { kind: 'never' };
    case 'schema-held':
    case 'frozen':
      return earliest([holdEnds(plan, phase), reminder]);
    case 'raising':
      return phase.standing.kind === 'nobody'
        ? earliest([
            reminder,
            ...blockers.map((blocker) => (blocker.kind === 'change-window-closed' ? blocker.opens : expiry(blocker))),
          ])
        : { kind: 'never' };
    default:
      return { kind: 'never' };
  }
}

function earliest(instants: readonly (Instant | undefined)[]): Wake {
  const known = instants.filter((instant) => instant !== undefined);
  return known.length === 0 ? { kind: 'never' } : { kind: 'at', at: Math.min(...known) };
}

function outcomeOf(plan: RolloutPlan, state: RolloutState, phase: Extract<Phase, { kind: 'closed' }>): Outcome {
  const ground = phase.ground.kind === 'known' ? phase.ground.ground : undefined;
  return {
    outcome: phase.outcome,
    headline: headlineOf(plan, state),
    service: plan.target.service,
    environment: plan.target.environment,
    release: plan.candidate.release,
    serving: phase.outcome === 'promoted' ? plan.candidate : ground?.stable,
    ...(phase.outcome === 'promoted' && ground !== undefined ? { previous: ground.stable } : {}),
    cause: phase.cause,
    findings: state.ledger.findings,
    profile: plan.profile,
    rehearsal: plan.rehearsal,
    gatesInForce: ground?.gatesInForce ?? [],
    gatesNotJudged: ground?.gatesNotJudged ?? [],
    timeline: state.ledger.timeline,
  };
}
