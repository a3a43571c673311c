import type { JudgePolicy } from './policy.js';
import type { BasisPoints, Revision, SchemaPins, StickyBy, Target } from './words.js';

export interface Step {
  readonly weightBp: BasisPoints;
  /** Shortest time the step is watched, by the sources' clocks (A22). */
  readonly soakMs: number;
  /** How long an inconclusive step is extended before it is held for a human. */
  readonly soakMaxMs: number;
}

/** A human must approve before this step's weight is applied. */
export interface ApprovalRule {
  /** Index into `steps`. */
  readonly beforeStep: number;
  readonly count: number;
  /** Empty: anybody. */
  readonly approvers: readonly string[];
  readonly notTheStarter: boolean;
}

/** Longest time each blocker may hold; then the rollout rolls back (design.md §2). The change window has no limit. */
export interface Limits {
  readonly approvalMs: number;
  readonly pauseMs: number;
  readonly inconclusiveMs: number;
  readonly idleMs: number;
  readonly blindMs: number;
  readonly foreignRouteMs: number;
  readonly schemaHoldMs: number;
  readonly frozenMs: number;
}

export interface RetryPolicy {
  /** Automatic further tries of a step after its first failure (A11: 1; 0 = none). */
  readonly max: number;
  readonly coolOffMs: number;
  /** Ramps that gate failures may cost one rollout. */
  readonly total: number;
}

/** Weekly windows in which advancing is allowed (X18), in minutes of the week from Monday 00:00 UTC. Empty: always. */
export interface ChangeWindow {
  readonly fromMinute: number;
  readonly toMinute: number;
}

export interface CapacityPlan {
  readonly headroom: number;
  /** Expected user requests a second over both revisions, at the median. */
  readonly expectedP50Rps: number;
  readonly meanLatencyS: number;
  readonly concurrencyPerInstance: number;
}

/** Connections by name; addresses and credentials stay with the worker. */
export interface Connections {
  readonly router: string;
  readonly metrics: readonly string[];
  readonly capacity?: string;
  readonly queues?: string;
  readonly notify: readonly string[];
}

/** Warm path checks on the candidate (R13): the four names are fixed, the paths are the service's. */
export interface WarmUpPlan {
  /** Path answering 200 with `{"cache":"ok","model":"ok","secrets":"ok","vectors":"ok"}`; absent: the warm path is not checked. */
  readonly path?: string;
  /** Ready must hold this long before it counts (X1: no flapping). */
  readonly holdMs: number;
  readonly timeoutMs: number;
}

export interface ProbePlan {
  /** Path of the judged pinned probes at weight 0. */
  readonly path: string;
  /** 20 judged requests (judge.md §0). */
  readonly count: number;
  /** This many 5xx among them end the rollout. */
  readonly maxFailures: number;
}

export interface DrainPlan {
  /** Least wait from the last route change (A12). */
  readonly minMs: number;
  /** At the ceiling: alarm, and hold the old revision; nothing is killed. */
  readonly ceilingMs: number;
}

export type IdleThen = 'hold' | 'accept-on-probes' | 'roll-back';

/** A parsed and checked plan. `spec/` makes it; the workflow trusts it. Durations in milliseconds. */
export interface RolloutPlan {
  readonly target: Target;
  readonly candidate: Revision;
  readonly profile: string;
  /** Minimum times are lifted (profile `rehearsal`); said wherever the rollout is shown. */
  readonly rehearsal: boolean;
  /** The environment is marked as production in the platform's configuration. */
  readonly production: boolean;
  readonly connections: Connections;
  /** Rising weights; the last is 10,000 less the holdback and its soak is the bake. */
  readonly steps: readonly Step[];
  /** Share of users kept on stable during the bake, so that it has a comparison (judge.md §0); absent: none. */
  readonly holdbackBp?: BasisPoints;
  /** How much of stable's past the judge learns from before any user moves (judge.md §0); absent: none. */
  readonly lookBackMs?: number;
  readonly judge: JudgePolicy;
  readonly tickMs: number;
  readonly leaseMs: number;
  /** Longest supervise bucket. */
  readonly bucketMs: number;
  readonly sticky: boolean;
  /** What users are told apart by, the first at once and each next when they are seen to leave (R18); absent: `user` alone. */
  readonly stickyBy?: readonly StickyBy[];
  readonly approvals: readonly ApprovalRule[];
  readonly limits: Limits;
  readonly retry: RetryPolicy;
  readonly idleThen: IdleThen;
  readonly changeWindows: readonly ChangeWindow[];
  readonly warmUp: WarmUpPlan;
  readonly probes: ProbePlan;
  readonly drain: DrainPlan;
  readonly capacity?: CapacityPlan;
  /** Batch work is paused through the steps up to and including this weight (R29, A18). */
  readonly pauseBatchUpToBp: BasisPoints;
  /** Most jobs at once in one queue partition (R30); absent: no cap. */
  readonly capPerPartition?: number;
  readonly keepStableMs: number;
  readonly schemaPins?: SchemaPins;
  /** SHA-256 of the canonical plan: tells a repeated start from a different one. */
  readonly digest: string;
}
