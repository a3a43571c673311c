import type { Answer } from './messages.js';
import type { Directing } from './directing.js';
import type { Condition, Ground, SchemaDifference, Supervised } from './effects.js';
import type { OutcomeKind } from './outcome.js';
import type { Cause } from './rollback.js';
import type { TimelineEntry } from './timeline.js';
import type { Evidence, Judgement } from './verdict.js';
import type { Actor, Instant, Ramp, StickyBy } from './words.js';

/** Everything that outlives a phase and a ramp; survives retries, crashes and continue-as-new (I6). */
export interface Ledger {
  readonly startedAt: Instant;
  readonly starter: Actor;
  /** The workflow id: owner of every ramp. */
  readonly owner: string;
  /** Makes ramp ids of this execution unlike those of any other; the first run id. */
  readonly seed: string;
  readonly ramps: number;
  /** Per step: gate failures, and times the step was entered. */
  readonly failures: readonly number[];
  readonly entries: readonly number[];
  /** Ramps lost to gate failures (A11 `total`). */
  readonly exposures: number;
  readonly lapses: number;
  readonly pause:
    { readonly kind: 'none' } | { readonly kind: 'paused'; readonly by: Actor; readonly reason: string; readonly at: Instant };
  /** Approvals given for a step of the running ramp. */
  readonly approvals: readonly { readonly step: number; readonly by: Actor }[];
  /** How each step of the running ramp was left, in order (R35). */
  readonly left: readonly Leaving[];
  /** The pin that a violation led to (R18), for every later ramp too; absent: the plan's first. */
  readonly stickyBy?: StickyBy;
  /** The hold that people were last reminded of. */
  readonly reminded: Reminded;
  /** What the queues were last told of batch. */
  readonly batch: 'running' | 'paused';
  /** All that the queues and the services' guards are told. */
  readonly directing: Directing;
  readonly outbox: readonly Notification[];
  readonly noticesSent: number;
  /** The last 200 requests and what they were answered. */
  readonly answers: readonly { readonly requestId: string; readonly answer: Answer }[];
  readonly findings: readonly string[];
  readonly timeline: readonly TimelineEntry[];
}

/** How a step was left: what `verify` says at the end about errors and p95 at each step (R35). */
export interface Leaving {
  readonly step: number;
  readonly on: 'pass' | 'probes' | 'skip' | 'promote';
  /** What the error and latency gates in force said then, where that was no pass. */
  readonly notFlat: readonly string[];
  /** Duplicate effects that a gate saw which only observes. */
  readonly duplicates: number;
}

/** Reminders of one hold, by its name and beginning. */
export interface Reminded {
  readonly hold: string;
  readonly sent: number;
  readonly acknowledged: boolean;
}

export interface Notification {
  readonly id: string;
  readonly severity: 'info' | 'warning' | 'page';
  readonly title: string;
  readonly text: string;
}

/** An open ramp. `sequence` is the last one used. */
export interface Climb {
  readonly ground: Ground;
  readonly ramp: Ramp;
  readonly sequence: number;
  /** What the judge learnt of stable while the candidate warmed up. */
  readonly learnt?: Evidence;
}

/** The supervision of the step at which the weight stands; wholly determines the running `supervise` effect. */
export interface Watch {
  readonly step: number;
  readonly enteredAt: Instant;
  readonly bucket: number;
  readonly bucketMs: number;
  readonly returnOnPass: boolean;
  readonly from: Supervised;
  /** `stopping`: the bucket is being interrupted for a fresh verdict, because the last blocker has been cleared. */
  readonly run: 'running' | 'stopping';
  readonly condition: { readonly kind: Condition['kind']; readonly since: Instant; readonly owner: string };
  readonly last: { readonly kind: 'none' } | { readonly kind: 'judged'; readonly judgement: Judgement };
  /** As told to people; absent: none. */
  readonly alarms?: readonly string[];
  /** Users leave the candidate and no pin is left: told, so that nobody asks again in this step. */
  readonly unsticky?: true;
}

/** Where the weight stands while the next step, or the promotion, is prepared. */
export type Standing = { readonly kind: 'nobody' } | { readonly kind: 'watched'; readonly watch: Watch };

export type Phase =
  | { readonly kind: 'preflight' }
  /** `startStep` is above 0 only for the ramp that follows a short lapse. */
  | { readonly kind: 'opening'; readonly climb: Climb; readonly startStep: number }
  | { readonly kind: 'warming'; readonly climb: Climb; readonly startStep: number; readonly stage: 'capacity' | 'warm-path' }
  | { readonly kind: 'probing'; readonly climb: Climb; readonly startStep: number }
  | { readonly kind: 'raising'; readonly climb: Climb; readonly to: number; readonly standing: Standing; readonly since: Instant }
  | { readonly kind: 'shifting'; readonly climb: Climb; readonly to: number; readonly standing: Standing }
  | { readonly kind: 'soaking' | 'baking'; readonly climb: Climb; readonly watch: Watch }
  | { readonly kind: 'verifying'; readonly climb: Climb; readonly watch: Watch }
  | { readonly kind: 'finalising'; readonly climb: Climb; readonly standing: Standing }
  | { readonly kind: 'schema-held'; readonly climb: Climb; readonly difference: SchemaDifference; readonly since: Instant }
  /** `step` is where the weight stood, -1 for nobody. */
  | {
      readonly kind: 'rolling-back';
      readonly climb: Climb;
      readonly cause: Cause;
      readonly step: number;
      readonly since: Instant;
      readonly alarm: 'quiet' | 'raised';
    }
  | {
      readonly kind: 'cooling-off';
      readonly climb: Climb;
      readonly until: Instant;
      readonly startStep: number;
      readonly cause: Cause;
    }
  | { readonly kind: 'frozen'; readonly climb: Climb; readonly since: Instant; readonly cause: Cause; readonly step: number }
  | {
      readonly kind: 'draining';
      readonly climb: Climb;
      readonly then: Exclude<OutcomeKind, 'refused'>;
      readonly cause: string;
      /** `handing-over`: a superseded rollout gives its drain to a workflow of its own. */
      readonly stage: 'draining' | 'verifying' | 'parting' | 'handing-over';
    }
  | { readonly kind: 'closed'; readonly outcome: OutcomeKind; readonly cause: string; readonly ground: Standpoint };

/** What was known when the rollout closed. */
export type Standpoint = { readonly kind: 'unknown' } | { readonly kind: 'known'; readonly ground: Ground };

export interface RolloutState {
  readonly ledger: Ledger;
  readonly phase: Phase;
}

export interface Origin {
  readonly owner: string;
  readonly seed: string;
  readonly starter: Actor;
  readonly steps: number;
  readonly at: Instant;
}

/** What an earlier version of the workflow carried over: of what it did not know, nothing has happened yet. */
export function resumedState(origin: Origin, carried: RolloutState): RolloutState {
  return { ...carried, ledger: { ...initialState(origin).ledger, ...carried.ledger } };
}

export function initialState({ owner, seed, starter, steps, at }: Origin): RolloutState {
  const perStep = Array.from({ length: steps }, () => 0);
  return {
    phase: { kind: 'preflight' },
    ledger: {
      startedAt: at,
      starter,
      owner,
      seed,
      ramps: 0,
      failures: perStep,
      entries: perStep,
      exposures: 0,
      lapses: 0,
      pause: { kind: 'none' },
      approvals: [],
      left: [],
      reminded: { hold: '', sent: 0, acknowledged: false },
      batch: 'running',
      directing: { kind: 'none' },
      outbox: [],
      noticesSent: 0,
      answers: [],
      findings: [],
      timeline: [{ at, by: starter, what: 'started', weightBp: 0 }],
    },
  };
}
