/** What a router with two slots says of a service over its control endpoint. Read-back, never memory. */
import type { Instant, Slot } from '../../../domain/words.js';
import type { StoredRoute } from './route-value.js';

export type Revocation =
  { readonly kind: 'none' } | { readonly kind: 'rolled-back' } | { readonly kind: 'finalised'; readonly sequence: number };

/** What the router knows of one ramp, whether or not it is the live one. */
export interface RampFacts {
  readonly id: string;
  /** Undefined where the ramp was never claimed here, or by hand. */
  readonly claimed: { readonly epoch: number; readonly owner: string } | undefined;
  readonly lease: 'live' | 'lapsed' | 'none';
  /** When the lease ends, by the router's clock; 0 without one. */
  readonly leaseUntil: Instant;
  readonly revocation: Revocation;
}

export interface ControlState {
  /** The router's clock. */
  readonly at: Instant;
  readonly pid: number;
  readonly stable: Slot | undefined;
  /** The ramp that the fence names; its route may be lost (a reload). */
  readonly live: RampFacts | undefined;
  /** The ramp that the caller asked about. */
  readonly asked: RampFacts | undefined;
  readonly route: StoredRoute | undefined;
  /** The route as stored. */
  readonly routeValue: string;
  /** Empty where the router does not know. */
  readonly releases: Readonly<Record<Slot, string>>;
  readonly liveServers: Readonly<Record<Slot, number>>;
  readonly sessions: Readonly<Record<Slot, number>>;
}
