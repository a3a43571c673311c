import { ownShareGate } from './own-share.js';

const WARM_UP_MS = 30_000;

/**
 * The cold-start gate (G3 of judge.md §2, R8). The first request of a pod that the step has just added is always a cold
 * start: 3 of 3 would fail any release.
 */
export const coldStarts = ownShareGate(
  'cold starts',
  (reading) => reading.coldStarts,
  ({ soakMs }) => Math.min(WARM_UP_MS, soakMs / 10),
);
