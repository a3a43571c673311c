import type { Receipt } from '../ports.js';
import type { Standing } from './admission.js';

export type Confirmation = 'pending' | 'converged' | 'superseded' | 'failed';

/** What was read of the route and of the receipt's ramp. */
export type Found = Omit<Standing, 'same' | 'isSame'>;

/**
 * What a read-back says of a receipt, for routers that answer a write when it has taken effect: a write that is not there never
 * comes by itself, so that is `failed`, and so is one whose lease lapsed while it gave users to the candidate.
 */
export function judgeReadBack(found: Found, receipt: Receipt): Confirmation {
  const { route, revoked, finalisedAt, claimed } = found;
  if (receipt.kind === 'superseded') return 'superseded';
  if (receipt.kind === 'revoked') return revoked ? 'converged' : 'failed';
  if (finalisedAt !== undefined) return judgeFinalised(found, receipt, finalisedAt);
  if (revoked) return 'superseded';
  if (route.ramp?.id !== receipt.ramp) return route.epoch > (claimed?.epoch ?? 0) ? 'superseded' : 'failed';
  if (route.sequence > receipt.sequence) return 'superseded';
  if (route.sequence < receipt.sequence) return 'failed';
  return route.candidateBp > 0 && route.lease !== 'live' ? 'failed' : 'converged';
}

/** The write was the finalise, or one before it. After a reload the route is gone, and the promotion stands. */
function judgeFinalised({ route }: Found, receipt: Receipt, finalisedAt: number): Confirmation {
  if (receipt.sequence < finalisedAt || route.sequence > finalisedAt) return 'superseded';
  return receipt.sequence === finalisedAt ? 'converged' : 'failed';
}
