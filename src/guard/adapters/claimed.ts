/** Which requests are under a claim. What must come before the claim asks here, so that a wrong order is an error and no record. */

/**
 * On the request itself: an entry in a weak set costs every request its part of the garbage collection. Its value is the request:
 * a copy of one, or one made after it, is not under its claim.
 */
const CLAIMED = Symbol('claimed');
const claimedAndFrozen = new WeakSet<object>();

interface Request {
  [CLAIMED]?: object | undefined;
}

export function markClaimed(request: object): void {
  if (Object.isExtensible(request)) (request as Request)[CLAIMED] = request;
  else claimedAndFrozen.add(request);
}

export function markUnclaimed(request: object): void {
  if (Object.isExtensible(request)) (request as Request)[CLAIMED] = undefined;
  else claimedAndFrozen.delete(request);
}

export const isClaimed = (request: object): boolean => (request as Request)[CLAIMED] === request || claimedAndFrozen.has(request);

/** Throws `TypeError`: a refusal after the claim would be kept as the answer to this key. */
export function mustBeUnclaimed(request: object): void {
  if (isClaimed(request))
    throw new TypeError('schema pins were looked at after the claim: mount the pins before the guard, or put them around it');
}
