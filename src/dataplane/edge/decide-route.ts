/**
 * Where a request goes: the same rules in the same order as in HAProxy's configuration (src/providers/routers/haproxy), where
 * the reason of each stands. Pure: time, chance and the slots' health are arguments.
 */
import { EVERYBODY, type BasisPoints, type Slot, type StickyBy } from '../../domain/words.js';
import type { Pin } from './pins.js';
import type { Lease, ServiceState, StoredRoute } from './service-state.js';

export type Why = 'pin' | 'no-lease' | 'no-candidate' | 'relpin' | 'bucket' | 'draw' | 'candidate-down';

/** What the rules ask of a request and of the moment. Functions, because most requests need only some of it. */
export interface RoutingFacts {
  readonly lease: Lease;
  readonly pin: Pin;
  readonly isAlive: (slot: Slot) => boolean;
  /** Value of the cookie `relpin`. */
  readonly relpin: () => string | undefined;
  /** Value of the cookie `relwas`. */
  readonly relwas: () => string | undefined;
  /** What the user is told apart by; undefined for one who has nothing of it yet. */
  readonly user: (by: StickyBy) => string | undefined;
  readonly newUser: () => string;
  readonly bucket: (ramp: string, user: string) => number;
  /** A draw of 0 to 9,999. */
  readonly draw: () => number;
}

export interface Routed {
  readonly kind: 'routed';
  readonly slot: Slot;
  readonly role: 'stable' | 'candidate';
  readonly why: Why;
  /** An id to be given to a user who had none. */
  readonly newUser: string | undefined;
  readonly stay: Stay;
}

/** Whether the user stays (R18). Undecided wherever something else than a bucket decided, or at a weight that is exact. */
export type Stay =
  | { readonly kind: 'undecided' }
  /** With `mark` as its `relwas`, the next request of the user has returned. */
  | { readonly kind: 'first'; readonly mark: string }
  | { readonly kind: 'kept' | 'broken' };

const UNDECIDED: Stay = { kind: 'undecided' };

/** 421: the pin cannot be kept. */
export interface Misdirected {
  readonly kind: 'misdirected';
  /** The one that was meant; undefined where the pin means none. */
  readonly slot: Slot | undefined;
  readonly detail: string;
}

export function decideRoute(state: ServiceState, facts: RoutingFacts): Routed | Misdirected {
  const { durable, route } = state;
  const { stable } = durable;
  const to = (slot: Slot, why: Why, newUser?: string, stay: Stay = UNDECIDED): Routed => ({
    kind: 'routed',
    slot,
    role: slot === stable ? 'stable' : 'candidate',
    why,
    newUser,
    stay,
  });
  if (facts.pin.kind !== 'none') {
    const slot = pinned(facts.pin, stable, route?.candidate);
    if (slot === undefined)
      return misdirected(slot, 'unknown release pin, or no candidate; known: canary, new, stable, blue, green');
    return facts.isAlive(slot) ? to(slot, 'pin') : misdirected(slot, 'the pinned release has no live server');
  }
  if (facts.lease !== 'live' || route === undefined) return to(stable, 'no-lease');
  const { candidate } = route;
  if (candidate === stable) return to(stable, 'no-candidate');
  const chosen = choose(route, facts);
  // A candidate without a live server gets no draw (I8).
  if (chosen.isHit && !facts.isAlive(candidate)) return to(stable, 'candidate-down', chosen.newUser);
  return to(chosen.isHit ? candidate : stable, chosen.why, chosen.newUser, stayOf(route, chosen, facts));
}

/**
 * The mark names the ramp and what users are told apart by. An answer that gives the user an id leaves none: of the ids that
 * several first requests are given, one alone stays with the user.
 */
function stayOf(
  { candidateBp, ramp, stickyBy = 'user' }: StoredRoute,
  { isHit, why, newUser }: Chosen,
  facts: RoutingFacts,
): Stay {
  if (why !== 'bucket' || !isSplit(candidateBp)) return UNDECIDED;
  const mark = `${ramp}.${stickyBy}`;
  if (facts.relwas() === mark) return { kind: isHit ? 'kept' : 'broken' };
  return isHit && newUser === undefined ? { kind: 'first', mark } : UNDECIDED;
}

const misdirected = (slot: Slot | undefined, detail: string): Misdirected => ({ kind: 'misdirected', slot, detail });

interface Chosen {
  readonly isHit: boolean;
  readonly why: Why;
  readonly newUser?: string;
}

const isSplit = (bp: BasisPoints): boolean => bp > 0 && bp < EVERYBODY;

function choose({ candidate, candidateBp, ramp, sticky, stickyBy = 'user' }: StoredRoute, facts: RoutingFacts): Chosen {
  // Inside its ramp only, and never against 0 or 100 %, which are exact.
  if (isSplit(candidateBp)) {
    const value = facts.relpin();
    if (value === `${ramp}.blue` || value === `${ramp}.green`) return { isHit: value === `${ramp}.${candidate}`, why: 'relpin' };
  }
  if (!sticky) return { isHit: facts.draw() < candidateBp, why: 'draw' };
  const known = facts.user(stickyBy);
  const user = known ?? facts.newUser();
  return { isHit: facts.bucket(ramp, user) < candidateBp, why: 'bucket', ...(known === undefined ? { newUser: user } : {}) };
}

function pinned(pin: Pin, stable: Slot, candidate: Slot | undefined): Slot | undefined {
  switch (pin.kind) {
    case 'slot':
      return pin.slot;
    case 'stable':
      return stable;
    case 'candidate':
      return candidate;
    case 'none':
    case 'unknown':
      return undefined;
  }
}
