/** What the activities need besides the ports. The worker gives the real ones, tests give simulated ones. */
import type { RolloutPlan } from '../domain/plan.js';
import type { StepPolicy } from '../domain/policy.js';
import type { Reading } from '../domain/reading.js';
import type { Evidence, GateName, GateVerdict, Verdict } from '../domain/verdict.js';
import type { Instant, Revision, Target } from '../domain/words.js';
import type { Ports } from '../providers/ports.js';

export interface Clock {
  /** For showing only: wall clocks of two workers are never compared (design.md §2, Clocks). */
  now(): Instant;
  /** For spans; begins anywhere, never runs backwards. */
  monotonicMs(): number;
  /** Resolves after `ms`, or at once when `signal` aborts; never rejects. Look at the signal afterwards. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

/** The part of a pino logger that is used: fields first, then words. */
export interface Log {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

/** The judge's seam: pure, and given from outside so that every branch of the supervision can be driven. */
export interface Judge {
  openEvidence(policy: StepPolicy, previous?: Evidence): Evidence;
  /** Of stable's past, as each source tells it, before any user moves. */
  learn(policy: StepPolicy, told: readonly (readonly Reading[])[]): Evidence;
  judge(
    policy: StepPolicy,
    evidence: Evidence,
    reading: Reading,
  ): { readonly verdicts: readonly GateVerdict[]; readonly evidence: Evidence };
}

/** Whose rollout a count belongs to (R31). */
export interface Subject {
  readonly target: Target;
  readonly candidate: Revision;
}

export type RouteWrite = 'apply' | 'revoke' | 'finalise';
export type Renewal = 'renewed' | 'lapsed' | 'revoked' | 'failed';

export interface ActivityMetrics {
  tickJudged(subject: Subject, verdict: Verdict): void;
  gateJudged(subject: Subject, gate: GateName, verdict: Verdict): void;
  routeWritten(subject: Subject, write: RouteWrite, outcome: string, seconds: number): void;
  revoked(subject: Subject, why: 'gate' | 'schema' | 'rollback' | 'orphan'): void;
  leaseRenewed(subject: Subject, outcome: Renewal): void;
}

export interface NeighbouringRoute {
  readonly router: string;
  /** Connection by which the services of this route are told of the release. */
  readonly queues?: string;
  readonly target: Target;
}

/** The routes that the janitor looks after, and how it learns whether somebody still does. */
export interface Neighbourhood {
  routes(): Promise<readonly NeighbouringRoute[]>;
  /** Whether a workflow of this id is open. Throws when Temporal cannot be asked: not knowing is no permission to act. */
  isRunning(workflowId: string): Promise<boolean>;
}

export interface Dependencies {
  readonly logger: Log;
  readonly metrics: ActivityMetrics;
  readonly clock: Clock;
  /** The judge of `src/judge` unless a test gives another. */
  readonly judge?: Judge;
  readonly fetch: typeof globalThis.fetch;
  readonly neighbourhood: Neighbourhood;
  /** What the platform does not allow a plan, in sentences; empty where it may run. */
  readonly refusedByPlatform: (plan: RolloutPlan) => readonly string[];
  /** Takes secrets out of a text that will stand in a history. */
  readonly redact: (text: string) => string;
}

export interface Tools extends Dependencies {
  readonly ports: Ports;
  readonly judge: Judge;
}
