/**
 * What the services' guards are told of the release (R20, R29, R30, A13, A18). What is to be told is fixed when it changes, with
 * a sequence of its own, so that a telling that was cancelled on its way can never be taken for the newer one.
 */
import type { RolloutPlan } from './plan.js';
import type { ReleaseDirective, ReleasePhase, ReleaseRecord } from './release-record.js';
import type { Climb, Phase, RolloutState } from './state.js';
import { stepAt } from './step-policy.js';
import { weightOf } from './telling.js';
import type { BasisPoints, Revision, SchemaPins } from './words.js';

export interface Directive extends ReleaseDirective {
  /** When it was fixed; not told again for a weight alone. */
  readonly weightBp: BasisPoints;
}

/** The last directive, and whether it has reached the queues. */
export type Directing = { readonly kind: 'none' } | { readonly kind: 'telling' | 'told'; readonly directive: Directive };

/** The effect that tells it. */
export const directiveId = ({ ramp, sequence }: Directive): string => `control-queues/${ramp.id}/${sequence}`;

/** After every event: a state that says something else of the release begins a new telling. */
export function direct(plan: RolloutPlan, state: RolloutState): RolloutState {
  if (plan.connections.queues === undefined) return state;
  const { directing } = state.ledger;
  const before = directing.kind === 'none' ? undefined : directing.directive;
  const directive = nextDirective(plan, state.phase, before);
  if (directive === undefined || (before !== undefined && saysTheSame(directive, before))) return state;
  return { ...state, ledger: { ...state.ledger, directing: { kind: 'telling', directive } } };
}

const saysTheSame = (one: Directive, other: Directive): boolean =>
  one.ramp.id === other.ramp.id && one.phase === other.phase && one.batchPaused === other.batchPaused;

function nextDirective(plan: RolloutPlan, phase: Phase, before: Directive | undefined): Directive | undefined {
  const releasePhase = releasePhaseOf(phase);
  if (releasePhase === undefined) return undefined;
  const keepKeysForMs = keepKeysFor(plan, releasePhase);
  // A rollout that closed without a ramp has said nothing, and says nothing now.
  if (!('climb' in phase)) return before && { ...before, phase: releasePhase, keepKeysForMs, sequence: before.sequence + 1 };
  const { climb } = phase;
  const revoked = before?.revoked ?? [];
  return {
    releaseId: plan.candidate.release,
    phase: releasePhase,
    revisions: revisionsOf(plan, climb, releasePhase),
    batchPaused: batchPaused(plan, phase),
    ...(plan.capPerPartition === undefined ? {} : { capPerPartition: plan.capPerPartition }),
    revoked: releasePhase === 'climbing' || revoked.includes(climb.ramp.id) ? revoked : [...revoked, climb.ramp.id],
    ramp: climb.ramp,
    // Ramps that an earlier version directed used the route's own sequence.
    sequence: before === undefined ? climb.sequence : before.sequence + 1,
    keepKeysForMs,
    weightBp: weightOf(plan, phase),
  };
}

function releasePhaseOf(phase: Phase): ReleasePhase | undefined {
  switch (phase.kind) {
    case 'preflight':
      return undefined;
    case 'rolling-back':
    case 'cooling-off':
    case 'schema-held':
      return 'held';
    case 'frozen':
      return 'frozen';
    case 'draining':
      return phase.then === 'promoted' ? 'promoted' : 'rolled-back';
    case 'closed':
      return phase.outcome === 'promoted' ? 'promoted' : 'rolled-back';
    default:
      return 'climbing';
  }
}

/** Only who may be given requests: once it was rolled back the candidate has no pins any more. */
function revisionsOf(plan: RolloutPlan, { ground }: Climb, phase: ReleasePhase): Directive['revisions'] {
  const { stablePins, candidatePins } = ground;
  const candidate = withPins(plan.candidate, plan.schemaPins ?? candidatePins);
  if (phase === 'promoted') return { stable: candidate };
  const stable = withPins(ground.stable, stablePins);
  return phase === 'climbing' ? { stable, candidate } : { stable };
}

function withPins(revision: Revision, schemaPins: SchemaPins | undefined): Revision {
  return revision.schemaPins !== undefined || schemaPins === undefined ? revision : { ...revision, schemaPins };
}

/** From the opening of a ramp until the last step that pauses it has passed, or stable has everybody again (R29, A18). */
function batchPaused(plan: RolloutPlan, phase: Phase): boolean {
  switch (phase.kind) {
    case 'opening':
    case 'warming':
    case 'probing':
    case 'soaking':
      return weightOf(plan, phase) <= plan.pauseBatchUpToBp;
    case 'raising':
    case 'shifting':
      return stepAt(plan, phase.to).weightBp <= plan.pauseBatchUpToBp;
    default:
      return false;
  }
}

/**
 * What ends a release whose rollout was cut short and says nothing more: its ramp is powerless, and batch runs (R29). It comes
 * after everything that the rollout said, and before whatever a later ramp says. Keys live as long as was asked for.
 */
export function closingDirective({ updatedAt, keepKeysUntil, ...said }: ReleaseRecord): Directive {
  const { ramp, revoked, revisions, sequence } = said;
  return {
    ...said,
    phase: 'rolled-back',
    revisions: { stable: revisions.stable },
    batchPaused: false,
    revoked: revoked.includes(ramp.id) ? revoked : [...revoked, ramp.id],
    sequence: sequence + 1,
    keepKeysForMs: Math.max(0, keepKeysUntil - updatedAt),
    weightBp: 0,
  };
}

const DAY_MS = 24 * 3_600_000;

/**
 * While a rollout may go on: its whole climb, the longest that it may rest, and a day; once it is over: its drain and a day.
 * A record that stands unchanged says it anew for every key (docs/adr/0004-release-record.md).
 */
function keepKeysFor({ steps, limits, retry, drain }: RolloutPlan, phase: ReleasePhase): number {
  const over = DAY_MS + drain.ceilingMs;
  if (phase === 'promoted' || phase === 'rolled-back') return over;
  const longestRestMs = Math.max(...Object.values<number>({ ...limits }), retry.coolOffMs);
  return over + longestRestMs + steps.reduce((sum, { soakMaxMs }) => sum + soakMaxMs, 0);
}
