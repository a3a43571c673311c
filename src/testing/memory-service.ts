/** What the in-memory router holds of one service, and what it means at a moment. */
import type { RouteIntent, RouteState } from '../domain/route.js';
import type { Instant, Ramp, Revision } from '../domain/words.js';
import type { Standing } from '../providers/routers/admission.js';
import type { Found } from '../providers/routers/read-back.js';

/** `stable`, `live`, `ramps` and `revoked` survive a reload; `route` and `leaseUntil` do not. */
export interface MemoryService {
  stable: Revision | undefined;
  /** The fence: the one ramp whose route serves. */
  live: Ramp | undefined;
  route: RouteIntent | undefined;
  leaseUntil: Instant;
  readonly ramps: Map<string, Ramp>;
  /** The sequence with which the ramp was finalised; undefined if it was rolled back. */
  readonly revoked: Map<string, number | undefined>;
  readonly revisions: Map<string, Revision>;
  /** Open streams by revision. */
  readonly open: Map<string, number>;
}

export function newService(): MemoryService {
  const maps = { ramps: new Map(), revoked: new Map(), revisions: new Map(), open: new Map() };
  return { stable: undefined, live: undefined, route: undefined, leaseUntil: 0, ...maps };
}

export function writeInto(service: MemoryService, intent: RouteIntent, leaseUntil: Instant): void {
  const { ramp, stable, candidate } = intent;
  service.stable ??= stable;
  service.ramps.set(ramp.id, ramp);
  service.live = ramp;
  service.route = intent;
  service.leaseUntil = leaseUntil;
  for (const revision of [stable, candidate]) service.revisions.set(revision.id, revision);
}

export function routeOf(service: MemoryService, at: Instant): RouteState {
  const { stable, live, route, revoked } = service;
  const lease = leaseOf(service, at);
  const candidateBp = route?.candidateBp ?? 0;
  const isMoving = lease === 'live' && route?.candidate.id !== stable?.id;
  return {
    stable,
    candidate: route?.candidate,
    candidateBp,
    effectiveBp: isMoving ? candidateBp : 0,
    ramp: live,
    sequence: route?.sequence ?? (live && revoked.get(live.id)) ?? 0,
    lease,
    epoch: live?.epoch ?? 0,
    at,
  };
}

export function foundIn(service: MemoryService, ramp: string, at: Instant): Found {
  const { revoked, ramps } = service;
  return { route: routeOf(service, at), revoked: revoked.has(ramp), claimed: ramps.get(ramp), finalisedAt: revoked.get(ramp) };
}

export function standingOf(service: MemoryService, intent: RouteIntent, at: Instant): Standing {
  const { route } = service;
  const same =
    route?.ramp.id === intent.ramp.id &&
    route.sequence === intent.sequence &&
    route.candidateBp === intent.candidateBp &&
    route.sticky === intent.sticky &&
    route.stickyBy === intent.stickyBy &&
    isSame(route.candidate, intent.candidate) &&
    isSame(route.stable, intent.stable);
  return { ...foundIn(service, intent.ramp.id, at), same, isSame };
}

const isSame = (one: Revision, other: Revision): boolean => one.id === other.id;

function leaseOf({ live, route, leaseUntil, revoked }: MemoryService, at: Instant): RouteState['lease'] {
  if (live === undefined) return 'none';
  if (revoked.has(live.id)) return 'revoked';
  return route !== undefined && at < leaseUntil ? 'live' : 'lapsed';
}
