/** The edge's own account of a service, with the keys and spellings of HAProxy's control endpoint (deploy/haproxy). */
import type { Instant, Slot } from '../../domain/words.js';
import { NO_GENERATION, NO_RELEASE } from './names.js';
import { generationOf, type ServiceState, type StoredRoute } from './service-state.js';

export interface ReadBack {
  /** The edge's clock. */
  readonly nowMs: Instant;
  readonly pid: number;
  readonly service: string;
  readonly stable: Slot;
  readonly key: string;
  /** The fence's; it survives a restart, which the route does not. `none` without one. */
  readonly ramp: string;
  readonly epoch: number;
  readonly owner: string;
  /** `<slot>:<bp>:<on|off|cookie|header>:<ramp>.<sequence>`. */
  readonly route: string;
  readonly sequence: number;
  /** Of `ramp`, in whole seconds since the epoch; `0` without one. */
  readonly leaseExpiry: string;
  /** Of `ramp`: `no`, `1`, or `finalised.<sequence>`. */
  readonly revoked: string;
  readonly releases: Readonly<Record<Slot, string>>;
  readonly nbsrv: Readonly<Record<Slot, number>>;
  readonly sessions: Readonly<Record<Slot, number>>;
  /** The ramp that the caller asked about. */
  readonly asked: { readonly ramp: string; readonly info: string; readonly leaseExpiry: string; readonly revoked: string };
}

export interface SlotFacts {
  readonly isAlive: boolean;
  readonly sessions: number;
}

const NONE = 'none';

export function readBack(
  service: string,
  state: ServiceState,
  slots: Readonly<Record<Slot, SlotFacts>>,
  asked: string | undefined,
  nowMs: Instant,
): ReadBack {
  const { durable, route } = state;
  const { live, releases } = durable;
  const claim = live === undefined ? undefined : durable.claims.get(live);
  const ask = asked ?? NONE;
  const askedClaim = durable.claims.get(ask);
  const expiryOf = (ramp: string): string => (ramp === route?.ramp ? String(state.leaseExpiryS) : '0');
  return {
    nowMs,
    pid: process.pid,
    service,
    stable: durable.stable,
    key: live === undefined ? service : `${service}/${live}`,
    ramp: live ?? NONE,
    epoch: claim?.epoch ?? 0,
    owner: claim?.owner ?? 'unknown',
    route: routeValue(state),
    sequence: route?.sequence ?? 0,
    leaseExpiry: expiryOf(live ?? NONE),
    revoked: durable.revoked.get(live ?? NONE) ?? 'no',
    releases: { blue: releases.blue ?? NO_RELEASE, green: releases.green ?? NO_RELEASE },
    nbsrv: { blue: Number(slots.blue.isAlive), green: Number(slots.green.isAlive) },
    sessions: { blue: slots.blue.sessions, green: slots.green.sessions },
    asked: {
      ramp: ask,
      info: askedClaim === undefined ? NONE : `${String(askedClaim.epoch)}:${askedClaim.owner}`,
      leaseExpiry: expiryOf(ask),
      revoked: durable.revoked.get(ask) ?? 'no',
    },
  };
}

function routeValue({ route }: ServiceState): string {
  if (route === undefined) return `-:0:off:${NO_GENERATION}`;
  return `${route.candidate}:${String(route.candidateBp)}:${stickyWord(route)}:${generationOf(route)}`;
}

function stickyWord({ sticky, stickyBy = 'user' }: StoredRoute): string {
  if (!sticky) return 'off';
  return stickyBy === 'user' ? 'on' : stickyBy;
}
