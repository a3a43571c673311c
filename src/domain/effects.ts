import type { Directive } from './directing.js';
import type { Message } from './messages.js';
import type { Cursor, StickinessCounts } from './reading.js';
import type { StepPolicy } from './policy.js';
import type { RouteIntent, RouterCapabilities } from './route.js';
import type { Evidence, GateName, Judgement } from './verdict.js';
import type { Ramp, Revision, SchemaPins, StickyBy } from './words.js';

/** `<kind>/<ramp>/<step>/<bucket>` as far as they matter. The same id means: leave it running. */
export type EffectId = string;

/** What a supervision starts from: a fresh step, or where the bucket before it stopped. */
export type Supervised =
  | { readonly kind: 'begin'; readonly previous?: Evidence }
  | { readonly kind: 'continue'; readonly evidence: Evidence; readonly cursors: Cursors };

/** One cursor per metric connection. */
export type Cursors = Readonly<Record<string, Cursor>>;

export interface Supervise {
  readonly kind: 'supervise';
  readonly ramp: Ramp;
  readonly stable: Revision;
  readonly candidate: Revision;
  readonly step: number;
  readonly bucket: number;
  readonly policy: StepPolicy;
  readonly from: Supervised;
  /** Length of the bucket in milliseconds: nobody renews past it. */
  readonly bucketMs: number;
  /** Return as soon as every gate passes; otherwise only a failure, a lapse or a change ends the bucket early. */
  readonly returnOnPass: boolean;
  /** What the workflow already knows; another condition, held for three ticks, ends the bucket so that people see it. */
  readonly known: Condition['kind'];
  /** Units of stable that are held for it (A21); absent: nobody controls them. */
  readonly floor?: number;
  /** What users are told apart by: the bucket ends when they are seen to leave all the same. Absent: nobody asks. */
  readonly stickyBy?: StickyBy;
  /** Told already. */
  readonly alarms?: readonly string[];
}

/** Ticks for which another condition must hold before people are told: a blip is not a change. */
export const TICKS_TO_CHANGE = 3;

/** What the supervision sees besides verdicts. `idle`: a healthy source says no requests (A24). */
export type Condition =
  | { readonly kind: 'judging' }
  | { readonly kind: 'idle' }
  | { readonly kind: 'blind' }
  /** The soak is over and the evidence does not suffice. */
  | { readonly kind: 'inconclusive' }
  /** Somebody else has written the route; its value is left alone. */
  | { readonly kind: 'foreign' };

/** What the workflow makes happen. Activities bear the same names. */
export type Effect = { readonly id: EffectId } & (
  | { readonly kind: 'preflight' }
  | { readonly kind: 'open-ramp'; readonly intent: RouteIntent }
  | { readonly kind: 'warm-up'; readonly ramp: Ramp; readonly candidate: Revision; readonly lookBack?: LookBack }
  | { readonly kind: 'probe'; readonly ramp: Ramp; readonly stable: Revision; readonly candidate: Revision }
  | {
      readonly kind: 'ensure-capacity';
      readonly revision: Revision;
      readonly units: number;
      readonly floor: { readonly revision: Revision; readonly units: number };
    }
  | { readonly kind: 'shift'; readonly step: number; readonly intent: RouteIntent }
  | Supervise
  | { readonly kind: 'roll-back'; readonly intent: RouteIntent }
  | { readonly kind: 'verify'; readonly ramp: Ramp; readonly stable: Revision; readonly candidate: Revision }
  | { readonly kind: 'finalise'; readonly intent: RouteIntent }
  | { readonly kind: 'drain'; readonly of: Revision; readonly minMs: number; readonly ceilingMs: number }
  /** To a workflow of its own, so that a superseded rollout closes at once. */
  | {
      readonly kind: 'hand-over-drain';
      readonly ramp: Ramp;
      readonly of: Revision;
      readonly minMs: number;
      readonly ceilingMs: number;
    }
  | { readonly kind: 'verify-drain'; readonly expected: Revision; readonly drained: Revision }
  | { readonly kind: 'release-capacity'; readonly of: Revision }
  /** `turnsBatch`: it pauses or resumes it. The first version told nothing else. */
  | { readonly kind: 'control-queues'; readonly directive: Directive; readonly turnsBatch: boolean }
  | { readonly kind: 'notify'; readonly severity: 'info' | 'warning' | 'page'; readonly title: string; readonly text: string }
  | { readonly kind: 'keep-stable'; readonly revision: Revision; readonly forMs: number }
);

/** What the judge may learn of stable before any user moves: `policy` is the first step's (judge.md §0). */
export interface LookBack {
  readonly stable: Revision;
  readonly policy: StepPolicy;
  readonly spanMs: number;
}

export type Learnt =
  | { readonly kind: 'learnt'; readonly evidence: Evidence }
  /** The judge learns during the soak. */
  | { readonly kind: 'nothing'; readonly why: string };

/** What preflight found; everything later stands on it. */
export interface Ground {
  readonly stable: Revision;
  /** Epoch that the router has stored; the first ramp claims the next one. */
  readonly epoch: number;
  readonly capabilities: RouterCapabilities;
  /** Stable's units, held as a floor until the final bake ends (A21, I8); 0 where nothing controls capacity. */
  readonly stableUnits: number;
  readonly gatesInForce: readonly GateName[];
  readonly gatesNotJudged: readonly GateName[];
  readonly warnings: readonly string[];
  /** What the revisions themselves say that they serve, where they say all three. */
  readonly stablePins?: SchemaPins;
  readonly candidatePins?: SchemaPins;
}

export interface SchemaDifference {
  readonly stable: Partial<SchemaPins>;
  readonly candidate: Partial<SchemaPins>;
  readonly text: string;
}

export type SuperviseResult = {
  readonly evidence: Evidence;
  readonly cursors: Cursors;
  /** Absent when the bucket ended before its first tick. */
  readonly judgement?: Judgement;
  readonly condition: Condition['kind'];
  /** What endangers the way back or keeps users from the candidate, in sentences; absent: nothing does. */
  readonly alarms?: readonly string[];
} & (
  | { readonly kind: 'passed' }
  /** The activity has revoked the ramp already. */
  | { readonly kind: 'failed' }
  | { readonly kind: 'bucket-ended' }
  | { readonly kind: 'changed' }
  | { readonly kind: 'interrupted' }
  | { readonly kind: 'schema-mismatch'; readonly difference: SchemaDifference }
  /** Users leave the candidate (R18). Says nothing of the release: the verdict, if there is one, stands beside it. */
  | { readonly kind: 'unsticky'; readonly seen: StickinessCounts }
  /** The router does not serve the ramp any more though nobody here asked for that. */
  | { readonly kind: 'lapsed'; readonly forMs: number }
  | { readonly kind: 'foreign'; readonly owner: string }
);

export interface ProbeOutcome {
  readonly judged: number;
  readonly serverErrors: number;
  /** Answers by somebody else than the candidate: no data (design.md §4). */
  readonly wrongRevision: number;
  readonly unanswered: number;
}

/** How an effect settled. `unreachable` never stands for an effect that may have happened: such effects are retried. */
export type EffectResult =
  | { readonly kind: 'preflight'; readonly ground: Ground }
  | { readonly kind: 'refused'; readonly reasons: readonly string[] }
  /** `learnt`: of the warm-up. */
  | { readonly kind: 'done'; readonly learnt?: Learnt }
  | { readonly kind: 'superseded'; readonly by: string }
  | { readonly kind: 'supervised'; readonly result: SuperviseResult }
  | { readonly kind: 'not-warm'; readonly failing: readonly string[] }
  | { readonly kind: 'schema-mismatch'; readonly difference: SchemaDifference }
  | { readonly kind: 'probed'; readonly outcome: ProbeOutcome }
  | { readonly kind: 'capacity-failed'; readonly reason: string }
  | { readonly kind: 'verified'; readonly failures: readonly string[] }
  | { readonly kind: 'drained'; readonly activeAtCeiling: number }
  | { readonly kind: 'drain-verified'; readonly findings: readonly string[] }
  /** Cancelled by the workflow before it finished. */
  | { readonly kind: 'interrupted' }
  /** Tried as long as its options allow; the text says what was found and what to do. */
  | { readonly kind: 'failed'; readonly error: string };

export type RolloutEvent = { readonly at: number } & (
  | { readonly kind: 'settled'; readonly effect: EffectId; readonly result: EffectResult }
  | { readonly kind: 'message'; readonly message: Message }
  | { readonly kind: 'undecodable'; readonly name: string; readonly what: string; readonly requestId: string }
  | { readonly kind: 'cancel-requested' }
  | { readonly kind: 'woke' }
);
