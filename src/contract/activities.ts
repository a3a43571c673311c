/** The activities as Temporal shows them (design.md §8). Workflows see only these types. */
import type {
  LookBack,
  Learnt,
  SuperviseResult,
  Supervise,
  EffectResult,
  ProbeOutcome,
  SchemaDifference,
  Ground,
} from '../domain/effects.js';
import type { Directive } from '../domain/directing.js';
import type { Connections, ProbePlan, RolloutPlan, WarmUpPlan } from '../domain/plan.js';
import type { RouteIntent } from '../domain/route.js';
import type { Ramp, Revision, Target } from '../domain/words.js';

/** Whose traffic, and by which connections. */
export interface Where {
  readonly rollout: string;
  readonly target: Target;
  readonly connections: Connections;
}

export interface RolloutActivities {
  /** Reads and checks; changes nothing but an orphaned ramp of this very rollout id, which it revokes. */
  preflight(input: {
    where: Where;
    plan: RolloutPlan;
  }): Promise<{ kind: 'preflight'; ground: Ground } | { kind: 'refused'; reasons: readonly string[] }>;
  /** Claims the ramp: the route names the candidate at weight 0. */
  openRamp(input: { where: Where; intent: RouteIntent; leaseMs: number }): Promise<RouteResult>;
  /** The four checks of R13 on the candidate, held ready. */
  warmUp(input: {
    where: Where;
    ramp: Ramp;
    candidate: Revision;
    leaseMs: number;
    warmUp: WarmUpPlan;
    lookBack?: LookBack;
  }): Promise<{ kind: 'done'; learnt?: Learnt } | { kind: 'not-warm'; failing: readonly string[] }>;
  /** Judged pinned requests at weight 0 that check who answered. */
  probe(input: {
    where: Where;
    stable: Revision;
    candidate: Revision;
    probes: ProbePlan;
  }): Promise<{ kind: 'probed'; outcome: ProbeOutcome } | { kind: 'schema-mismatch'; difference: SchemaDifference }>;
  ensureCapacity(input: {
    where: Where;
    revision: Revision;
    units: number;
    floor: { revision: Revision; units: number };
  }): Promise<{ kind: 'done' } | { kind: 'capacity-failed'; reason: string }>;
  /** Apply and confirm. */
  shiftWeight(input: { where: Where; intent: RouteIntent; leaseMs: number }): Promise<RouteResult>;
  /** Each tick: read, judge; a decisive failure revokes at once; otherwise the lease is renewed (I14). */
  superviseRamp(input: { where: Where; supervise: Supervise; tickMs: number; leaseMs: number }): Promise<SuperviseResult>;
  /** Local: the first act of every rollback. */
  revokeRamp(input: { where: Where; ramp: Ramp }): Promise<void>;
  /** Weight 0, applied and confirmed, retried for ever. Revokes first as well: a repeated revoke costs nothing. */
  rollBack(input: { where: Where; intent: RouteIntent }): Promise<RouteResult>;
  waitForDrain(input: {
    where: Where;
    of: Revision;
    minMs: number;
    ceilingMs: number;
  }): Promise<{ kind: 'drained'; activeAtCeiling: number }>;
  verify(input: {
    where: Where;
    stable: Revision;
    candidate: Revision;
    probes: ProbePlan;
  }): Promise<{ kind: 'verified'; failures: readonly string[] }>;
  finalise(input: { where: Where; intent: RouteIntent }): Promise<RouteResult>;
  verifyDrain(input: {
    where: Where;
    expected: Revision;
    drained: Revision;
  }): Promise<{ kind: 'drain-verified'; findings: readonly string[] }>;
  /** `stillOpen`: streams on the revision, for whose sake nothing was released (I9). */
  releaseCapacity(input: { where: Where; of: Revision }): Promise<{ readonly stillOpen: number }>;
  /** Tells the whole state; what is below what was told before changes nothing. */
  controlQueues(input: { where: Where } & Directive): Promise<void>;
  notify(input: { where: Where; severity: 'info' | 'warning' | 'page'; title: string; text: string; id: string }): Promise<void>;
  /** Revokes ramps whose rollout is not running, and tells the services that they are over; returns what it did, in words. */
  sweepOrphans(): Promise<readonly string[]>;
}

export type RouteResult = Extract<EffectResult, { kind: 'done' | 'superseded' }>;
