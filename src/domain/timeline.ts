import type { GateVerdict } from './verdict.js';
import type { Actor, BasisPoints, Instant } from './words.js';

/** One decision or fact, with its time, its author and its evidence (I10, R34). */
export interface TimelineEntry {
  readonly at: Instant;
  /** `sluice` for the controller's own decisions. */
  readonly by: Actor;
  readonly what: string;
  readonly weightBp: BasisPoints;
  readonly gates?: readonly GateVerdict[];
}

export const SLUICE: Actor = { name: 'sluice', verified: true };

/** Entries kept in state; older ones stay in the history of the runs before. */
export const TIMELINE_LIMIT = 200;

export function record(timeline: readonly TimelineEntry[], entry: TimelineEntry): readonly TimelineEntry[] {
  return [...timeline, entry].slice(-TIMELINE_LIMIT);
}
