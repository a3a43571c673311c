/** HAProxy's account in the words of the port. */
import type { RouteIntent, RouteState } from '../../../domain/route.js';
import type { Revision, Slot } from '../../../domain/words.js';
import type { Standing } from '../admission.js';
import type { Found } from '../read-back.js';
import type { ControlState, RampFacts } from './control-state.js';
import { slotOf } from './names.js';
import { writeRoute, type StoredRoute } from './route-value.js';

export function routeState(state: ControlState): RouteState {
  const { live, at } = state;
  const route = routeInForce(state);
  const lease = leaseOf(live, route);
  const stable = state.stable && revisionIn(state, state.stable);
  const isCandidate = route !== undefined && route.candidate !== state.stable;
  return {
    stable,
    candidate: route && revisionIn(state, route.candidate),
    candidateBp: route?.candidateBp ?? 0,
    effectiveBp: lease === 'live' && isCandidate ? route.candidateBp : 0,
    ramp: live && { id: live.id, epoch: live.claimed?.epoch ?? 0, owner: live.claimed?.owner ?? 'unknown' },
    sequence: route?.sequence ?? finalisedAt(live) ?? 0,
    lease,
    epoch: live?.claimed?.epoch ?? 0,
    ...(route === undefined ? {} : { liveServers: state.liveServers[route.candidate] }),
    at,
  };
}

/** @param state read with the ramp in question as the one asked about */
export function found(state: ControlState): Found {
  const { asked } = state;
  return {
    route: routeState(state),
    revoked: asked !== undefined && asked.revocation.kind !== 'none',
    claimed: asked?.claimed && { id: asked.id, ...asked.claimed },
    finalisedAt: finalisedAt(asked),
  };
}

/** @param state read with the intent's ramp as the one asked about */
export function standing(state: ControlState, intent: RouteIntent): Standing {
  return {
    ...found(state),
    same: state.routeValue === writeRoute(intent) && state.stable === slotOf(intent.stable),
    isSame: (one, other) => slotOf(one) === slotOf(other),
  };
}

/** The fence survives a reload and the route does not: then the ramp is known, and lost. */
export function routeInForce(state: ControlState): StoredRoute | undefined {
  return state.route?.ramp === state.live?.id ? state.route : undefined;
}

function finalisedAt(ramp: RampFacts | undefined): number | undefined {
  return ramp?.revocation.kind === 'finalised' ? ramp.revocation.sequence : undefined;
}

function leaseOf(live: RampFacts | undefined, route: StoredRoute | undefined): RouteState['lease'] {
  if (live === undefined) return 'none';
  if (live.revocation.kind !== 'none') return 'revoked';
  return live.lease === 'live' && route !== undefined ? 'live' : 'lapsed';
}

function revisionIn(state: ControlState, slot: Slot): Revision {
  return { id: slot, slot, release: state.releases[slot] };
}
