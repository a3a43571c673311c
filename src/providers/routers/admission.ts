/**
 * May this write take effect? The rules of design.md §4 that every router with revocation shares: decided here from what was
 * just read, acted upon by the adapter.
 *
 * - A ramp once revoked stays powerless (I7); the one thing still written for it is the rollback's own weight 0.
 * - Ramps are ordered by epoch, the writes of a ramp by sequence; the same write again is no write.
 * - A live ramp of another owner is foreign: refused, its value untouched.
 * - A ramp whose lease ran out while users were on the candidate is lost. Raising it again would bring users back who were
 *   sent home because nobody was judging (I14), and would skip the steps between (I1).
 */
import type { RouteIntent, RouteState } from '../../domain/route.js';
import { EVERYBODY, type BasisPoints, type Ramp, type Revision } from '../../domain/words.js';
import { permanent, type ProviderError } from '../errors.js';

/** What an adapter has just read, as far as the decision needs it. */
export interface Standing {
  readonly route: RouteState;
  /** Whether the intent's ramp, live or not, is revoked. */
  readonly revoked: boolean;
  /** What is stored of the intent's ramp, live or not. */
  readonly claimed: Ramp | undefined;
  /** With which sequence the intent's ramp was finalised, if it was. */
  readonly finalisedAt: number | undefined;
  /** Whether the stored write says the same as the intent. */
  readonly same: boolean;
  /** Whether two revisions are one for this router, which may know them by slot only. */
  readonly isSame: (one: Revision, other: Revision) => boolean;
}

/** How a write does not take effect, or has already. */
export type NotNow =
  /** Stored already. */
  | { readonly kind: 'repeat' }
  | { readonly kind: 'superseded' }
  | { readonly kind: 'revoked' }
  /** Revoke the ramp instead of writing. */
  | { readonly kind: 'lapsed' }
  | { readonly kind: 'refused'; readonly error: ProviderError };

export type Admission =
  | NotNow
  /** A new ramp: store epoch and owner, then write. */
  | { readonly kind: 'claim' }
  | { readonly kind: 'write' }
  /** The rollback's whole-state write on its revoked ramp: weight 0, and the stable revision that it names. */
  | { readonly kind: 'settle' };

export type FinaliseAdmission = NotNow | { readonly kind: 'promote' };

/** Throws a permanent error for an intent that no router could carry out exactly; nothing is rounded. */
export function checkIntent(intent: RouteIntent, stepBp: BasisPoints): void {
  const { candidateBp, sequence, stable, candidate } = intent;
  if (!(candidateBp >= 0 && candidateBp <= EVERYBODY && candidateBp % stepBp === 0)) {
    throw permanent(
      `weight ${String(candidateBp)}: expected 0 to ${String(EVERYBODY)} basis points in multiples of ${String(stepBp)}`,
    );
  }
  if (!Number.isSafeInteger(sequence) || sequence < 1)
    throw permanent(`sequence ${String(sequence)}: expected a whole number from 1`);
  checkRamp(intent.ramp);
  if (stable.id === candidate.id) throw permanent(`stable and candidate are both "${stable.id}"`);
}

/** The id becomes a key in routers' stores, and the part before `~` salts the buckets: `<release>~<suffix>`, no dot. */
export function checkRamp(ramp: Ramp): void {
  if (!/^[A-Za-z0-9_-]{1,400}~[A-Za-z0-9]{1,32}$/.test(ramp.id)) {
    throw permanent(`ramp id "${ramp.id}": expected <release>~<suffix> of letters, digits, _ and -`);
  }
  if (!Number.isSafeInteger(ramp.epoch) || ramp.epoch < 1)
    throw permanent(`epoch ${String(ramp.epoch)} of ramp "${ramp.id}": expected a whole number from 1`);
}

/** Leases beyond an hour are refused everywhere, because routers take them for milliseconds written by mistake. */
export function checkLease(leaseMs: number): void {
  if (!Number.isFinite(leaseMs) || leaseMs <= 0 || leaseMs > 3_590_000) {
    throw permanent(`lease of ${String(leaseMs)} ms: expected more than 0 and at most 3,590,000`);
  }
}

export function admit(standing: Standing, intent: RouteIntent): Admission {
  const { route } = standing;
  if (standing.revoked) return admitToRevoked(standing, intent);
  const order = compareRamps(standing, intent.ramp);
  if (order.kind !== 'newer') {
    if (order.kind !== 'same') return order;
    if (intent.sequence < route.sequence) return { kind: 'superseded' };
    if (intent.sequence === route.sequence && !standing.same) return { kind: 'superseded' };
    if (intent.candidateBp > 0 && isLost(route)) return { kind: 'lapsed' };
    // A lease that lapsed at weight 0 took nobody home; the repetition begins it anew.
    if (intent.sequence === route.sequence && route.lease === 'live') return { kind: 'repeat' };
  } else if (route.ramp !== undefined && route.lease === 'live' && route.ramp.owner !== intent.ramp.owner) {
    return { kind: 'refused', error: foreign(route.ramp) };
  }
  if (route.stable !== undefined && !standing.isSame(route.stable, intent.stable)) {
    return { kind: 'refused', error: otherStable(route.stable, intent.stable) };
  }
  return { kind: order.kind === 'newer' ? 'claim' : 'write' };
}

/**
 * @param begun whether an earlier attempt already made the promotion durable. Then it is carried through whatever the lease
 *   says, because a restart would do so as well.
 */
export function admitFinalise(standing: Standing, intent: RouteIntent, begun: boolean): FinaliseAdmission {
  const { route } = standing;
  if (standing.revoked) {
    // Finalising twice is finalising once; but a rollback after it has put another revision back, and that stands.
    const stands =
      standing.finalisedAt !== undefined && route.stable !== undefined && standing.isSame(route.stable, intent.candidate);
    return { kind: stands ? 'repeat' : 'revoked' };
  }
  const order = compareRamps(standing, intent.ramp);
  if (order.kind === 'newer') {
    return { kind: 'refused', error: permanent(`ramp "${intent.ramp.id}" cannot be finalised: the router never had it`) };
  }
  if (order.kind !== 'same') return order;
  if (intent.sequence < route.sequence) return { kind: 'superseded' };
  if (route.candidate !== undefined && !standing.isSame(route.candidate, intent.candidate)) {
    return { kind: 'refused', error: otherCandidate(intent, route.candidate) };
  }
  return { kind: begun || route.lease === 'live' ? 'promote' : 'lapsed' };
}

/** Only the owner's last word may still be written: weight 0, later than everything stored, and later than a finalise. */
function admitToRevoked({ route, finalisedAt }: Standing, intent: RouteIntent): Admission {
  const isLast = route.ramp?.id === intent.ramp.id && intent.sequence > Math.max(route.sequence, finalisedAt ?? 0);
  return { kind: isLast && intent.candidateBp === 0 ? 'settle' : 'revoked' };
}

type RampOrder =
  | { readonly kind: 'same' }
  | { readonly kind: 'newer' }
  | { readonly kind: 'superseded' }
  | { readonly kind: 'refused'; readonly error: ProviderError };

function compareRamps({ route, claimed }: Standing, ramp: Ramp): RampOrder {
  if (claimed !== undefined && (claimed.epoch !== ramp.epoch || claimed.owner !== ramp.owner))
    return { kind: 'refused', error: reused(claimed, ramp) };
  if (route.ramp?.id === ramp.id) return { kind: 'same' };
  return { kind: ramp.epoch > route.epoch ? 'newer' : 'superseded' };
}

/** Users may have been on the candidate, and the lease is over. At a stored weight of 0 nobody was, and a lapse means nothing. */
function isLost(route: RouteState): boolean {
  return route.lease !== 'live' && (route.candidate === undefined || route.candidateBp > 0);
}

function foreign(stored: Ramp): ProviderError {
  return permanent(
    `the route is held by ramp "${stored.id}" of "${stored.owner}", whose lease is live; nothing was written. ` +
      'Wait for it to end, or abort it through its own rollout',
  );
}

function reused(stored: Ramp, ramp: Ramp): ProviderError {
  return permanent(
    `ramp "${ramp.id}" is stored with epoch ${String(stored.epoch)} of "${stored.owner}", and this write says epoch ${String(ramp.epoch)} of "${ramp.owner}": ` +
      'ramp ids are never reused',
  );
}

function otherStable(found: Revision, expected: Revision): ProviderError {
  return permanent(
    `the router's stable revision is "${found.id}", and this write takes "${expected.id}" for it: somebody else changed the route; nothing was written`,
  );
}

function otherCandidate({ ramp, candidate }: RouteIntent, found: Revision): ProviderError {
  return permanent(
    `ramp "${ramp.id}" brought users to "${found.id}", and this finalise names "${candidate.id}"; nothing was written`,
  );
}
