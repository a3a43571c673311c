/** Which requests are under a claim. What must come before the claim asks here, so that a wrong order is an error and no record. */
import { placeOf } from './place.js';

/**
 * At the request's place: an entry in a weak set costs every request its part of the garbage collection. Its value is the request:
 * a copy of one, or one made after it, is not under its claim.
 */
const CLAIMED = Symbol('claimed');
const claimedElsewhere = new WeakSet<object>();

interface Place {
  [CLAIMED]?: object | undefined;
}

export function markClaimed(request: object): void {
  const place = placeOf(request) as Place;
  if (place[CLAIMED] === undefined && Object.isExtensible(place)) place[CLAIMED] = request;
  else claimedElsewhere.add(request);
}

export function markUnclaimed(request: object): void {
  const place = placeOf(request) as Place;
  if (place[CLAIMED] === request) place[CLAIMED] = undefined;
  else claimedElsewhere.delete(request);
}

export const isClaimed = (request: object): boolean =>
  (placeOf(request) as Place)[CLAIMED] === request || claimedElsewhere.has(request);

/** Throws `TypeError`: a refusal after the claim would be kept as the answer to this key. */
export function mustBeUnclaimed(request: object): void {
  if (isClaimed(request))
    throw new TypeError('schema pins were looked at after the claim: mount the pins before the guard, or put them around it');
}
