/** What a snapshot of the control endpoint means for users. */
import type { RouteSnapshot } from '../harness/route-snapshot.js';
import { readRoute } from './acts.js';

export interface EffectiveRoute {
  readonly stable: string;
  /** The share of users who reach the candidate now; 0 if the lease has passed, the ramp is revoked or nothing is readable. */
  readonly candidateBp: number;
}

export function effectiveRoute(snapshot: RouteSnapshot): EffectiveRoute {
  const route = readRoute(snapshot.route);
  const isLive = snapshot.revoked === 'no' && isLeaseLive(snapshot);
  const moves = route !== undefined && route.slot !== '-' && route.slot !== snapshot.stable && isLive;
  return { stable: snapshot.stable, candidateBp: moves ? route.bp : 0 };
}

/** As HAProxy decides it: whole seconds, and an expiry more than an hour ahead counts as past. */
function isLeaseLive(snapshot: RouteSnapshot): boolean {
  if (snapshot.leaseExpiry === 'never') return true;
  const left = Number(snapshot.leaseExpiry) - Math.floor(snapshot.at / 1_000);
  return left > 0 && left <= 3_600;
}
