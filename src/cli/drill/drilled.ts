/** What a drill found. */
import type { RolloutPlan } from '../../domain/plan.js';
import type { RouteState } from '../../domain/route.js';
import type { BasisPoints } from '../../domain/words.js';
import type { Bound, Fault } from './faults.js';
import type { UserCounts } from './users.js';

export type Drilled = { readonly fault: Fault; readonly bound: Bound } &
  /** `seenOutMs`: when the last look began that saw users on the candidate. */
  (
    | { readonly kind: 'back'; readonly tookMs: number; readonly seenOutMs: number; readonly lease: RouteState['lease'] }
    /** Looked at for the bound and some more. */
    | { readonly kind: 'still-out'; readonly lookedMs: number; readonly weightBp: BasisPoints }
    /** The router holds no lease: nothing returns the users, so that nothing was broken. */
    | { readonly kind: 'unprotected' }
    | { readonly kind: 'not-played'; readonly why: string }
  );

/** Late is only what was seen to be late: the router's answer may take its time. */
export const isWithin = (drilled: Drilled): boolean =>
  drilled.kind === 'not-played' || (drilled.kind === 'back' && drilled.seenOutMs <= drilled.bound.withinMs);

export interface DrillReport {
  /** As it was played. */
  readonly plan: RolloutPlan;
  readonly drills: readonly Drilled[];
  /** Undefined where the drill brought no users. */
  readonly users: UserCounts | undefined;
}
