import { describeBlocker } from '../../domain/details.js';
import type { RolloutStatus } from '../../contract/rollout.js';

/** Why it does not advance now. The soak's figures stand in the header. */
export function blockedBy({ blockers }: Pick<RolloutStatus, 'blockers'>): string | undefined {
  if (blockers.length === 0) return undefined;
  return `blocked by: ${blockers.map((blocker) => (blocker.kind === 'soaking' ? 'soak' : describeBlocker(blocker))).join(' · ')}`;
}
