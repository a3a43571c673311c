import type { BasisPoints, Instant, Ramp, Revision, StickyBy } from './words.js';

/**
 * What a router is told: the whole state, so that a write may be repeated (I7). Carries its ramp and a sequence that
 * grows with every write of the ramp. `leaseUntil` is by the router's clock.
 */
export interface RouteIntent {
  readonly stable: Revision;
  readonly candidate: Revision;
  readonly candidateBp: BasisPoints;
  readonly ramp: Ramp;
  readonly sequence: number;
  /** Users of a bucket stay as the weight rises (A17). */
  readonly sticky: boolean;
  /** What they are told apart by; absent: `user`. */
  readonly stickyBy?: StickyBy;
}

/** What a router says. Read-back, never memory. */
export interface RouteState {
  /** Undefined where the router has never been told. */
  readonly stable: Revision | undefined;
  readonly candidate: Revision | undefined;
  /** The share that users really get now: 0 when the lease lapsed or the ramp was revoked. */
  readonly effectiveBp: BasisPoints;
  /** The share written. */
  readonly candidateBp: BasisPoints;
  readonly ramp: Ramp | undefined;
  readonly sequence: number;
  readonly lease: 'live' | 'lapsed' | 'revoked' | 'none';
  /** The highest epoch that the router has stored for this service; a new ramp claims the next one. */
  readonly epoch: number;
  /** Servers of the candidate that the router would send to; absent where it cannot say, or there is no candidate. */
  readonly liveServers?: number;
  /** The router's clock. */
  readonly at: Instant;
}

/** What a router can and cannot do; `plan` and preflight hold the plan against it. */
export interface RouterCapabilities {
  /** Weights are multiples of this. */
  readonly stepBp: BasisPoints;
  readonly split: 'exact' | 'bernoulli' | 'hash';
  readonly fencing: 'revocation' | 'compare-and-set' | 're-assert';
  readonly lease: boolean;
  readonly pin: 'header' | 'url' | 'qualifier' | 'none';
  readonly pinMiss: 'fails' | 'falls-through';
  readonly sticky: 'none' | 'cookie' | 'key-hash';
  /** What it can tell users apart by, where it is sticky; absent: `user` alone. */
  readonly stickyBy?: readonly StickyBy[];
  readonly drain: 'counted' | 'timed';
  readonly streamsSurvive: boolean | 'unknown';
  /** Answers name the ramp and sequence that routed them. */
  readonly echo: boolean;
  readonly replicas: number | 'unknown';
  readonly propagationBoundS: number;
}
