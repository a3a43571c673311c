/**
 * What the edge knows of one service, as a value that is replaced whole: `durable` is what a restart returns to (A25), the
 * rest is forgotten by it. So a restart falls back to stable and never to a weight.
 */
import type { BasisPoints, Instant, Slot, StickyBy } from '../../domain/words.js';
import { NO_GENERATION } from './names.js';

export interface Claim {
  readonly epoch: number;
  /** As the controller spelt it. */
  readonly owner: string;
}

export interface DurableState {
  readonly stable: Slot;
  /** The fence: the one ramp whose route is read. */
  readonly live: string | undefined;
  readonly releases: Readonly<Partial<Record<Slot, string>>>;
  /** Every ramp that was ever claimed. */
  readonly claims: ReadonlyMap<string, Claim>;
  /** Ramp → `1`, or `finalised.<sequence>`. Only ever added to (I7). */
  readonly revoked: ReadonlyMap<string, string>;
}

/** The route of the ramp that the fence names. */
export interface StoredRoute {
  readonly candidate: Slot;
  readonly candidateBp: BasisPoints;
  readonly sticky: boolean;
  /** What users are told apart by; absent: `user`. */
  readonly stickyBy?: StickyBy | undefined;
  readonly ramp: string;
  readonly sequence: number;
}

export interface ServiceState {
  readonly durable: DurableState;
  readonly route: StoredRoute | undefined;
  /** End of the live ramp's lease in whole seconds since the epoch, by the edge's clock; 0 without one. */
  readonly leaseExpiryS: number;
}

export type Lease = 'live' | 'expired' | 'revoked';

/** A lease further ahead than this is a mistake, or the clock was set back: it counts as expired. */
const LONGEST_LEASE_S = 3_600;

export const ROLLED_BACK = '1';
export const finalisedAs = (sequence: number): string => `finalised.${String(sequence)}`;

export function freshState(stable: Slot): DurableState {
  return { stable, live: undefined, releases: {}, claims: new Map(), revoked: new Map() };
}

/** HAProxy's rule: live while now < expiry <= now + 1 h; a revoked ramp is powerless whatever its lease (I7). */
export function leaseOf({ durable, route, leaseExpiryS }: ServiceState, now: Instant): Lease {
  if (route !== undefined && durable.revoked.has(route.ramp)) return 'revoked';
  const nowS = Math.floor(now / 1_000);
  return nowS < leaseExpiryS && leaseExpiryS <= nowS + LONGEST_LEASE_S ? 'live' : 'expired';
}

/** Rounded up to whole seconds, so that a lease is never shorter than asked for, and less than 1 s longer. */
export const wholeSeconds = (leaseUntil: Instant): number => Math.ceil(leaseUntil / 1_000);

/** Which ramp and sequence route now. */
export function generationOf(route: StoredRoute | undefined): string {
  return route === undefined ? NO_GENERATION : `${route.ramp}.${String(route.sequence)}`;
}
