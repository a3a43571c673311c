import type { Supervise } from '../../domain/effects.js';
import type { Reading, StickinessCounts } from '../../domain/reading.js';
import { isViolated } from '../../domain/stickiness.js';

/** What was counted where users are seen to leave the candidate (R18). Nothing fresh, or nobody asks: nothing is seen. */
export function usersLeave({ stickyBy, policy }: Supervise, { stickiness }: Reading): StickinessCounts | undefined {
  if (stickyBy === undefined || stickiness === undefined || stickiness.ageMs > policy.staleMs) return undefined;
  return isViolated(stickiness.value) ? stickiness.value : undefined;
}
