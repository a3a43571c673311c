import type { Blocker } from '../domain/blockers.js';
import type { RolloutPlan } from '../domain/plan.js';
import type { TimelineEntry } from '../domain/timeline.js';
import type { Judgement } from '../domain/verdict.js';
import type { Actor, BasisPoints, Instant, Ramp, Revision, StickyBy } from '../domain/words.js';
import type { RolloutState } from '../domain/state.js';

/** Input of the `rollout` workflow. `resumed` is what continue-as-new carries: one value. */
export interface RolloutInput {
  readonly plan: RolloutPlan;
  readonly starter: Actor;
  readonly resumed?: RolloutState;
  /** Continue as new after this many history events; for tests. Absent: when the server suggests it. */
  readonly continueAfterEvents?: number;
}

/** Payload of every Signal and Update. All fields are optional for people who type it into the UI. */
export interface MessageBody {
  readonly by?: string;
  readonly reason?: string;
  readonly requestId?: string;
  /** Of an abort: the release that supersedes this one; the drain is handed over then. */
  readonly supersededBy?: string;
}

/** Answer of the `status` query. */
export interface RolloutStatus {
  readonly service: string;
  readonly environment: string;
  readonly release: string;
  readonly revision: string;
  readonly profile: string;
  readonly rehearsal: boolean;
  readonly phase: string;
  readonly headline: string;
  readonly step: number;
  readonly steps: number;
  readonly weightBp: BasisPoints;
  /** What users are told apart by; undefined where chance decides, absent from a rollout of before. */
  readonly stickyBy?: StickyBy | undefined;
  readonly stable: Revision | undefined;
  readonly ramp: Ramp | undefined;
  readonly blockers: readonly Blocker[];
  readonly judgement: Judgement | undefined;
  readonly startedAt: Instant;
  readonly timeline: readonly TimelineEntry[];
}
