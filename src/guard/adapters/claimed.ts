/** Which requests are under a claim. What must come before the claim asks here, so that a wrong order is an error and no record. */

/** By identity: a copy of a request, or one made after it, is not under its claim. */
const claimed = new WeakSet();

export function markClaimed(request: object): void {
  claimed.add(request);
}

export function markUnclaimed(request: object): void {
  claimed.delete(request);
}

export const isClaimed = (request: object): boolean => claimed.has(request);

/** Throws `TypeError`: a refusal after the claim would be kept as the answer to this key. */
export function mustBeUnclaimed(request: object): void {
  if (isClaimed(request))
    throw new TypeError('schema pins were looked at after the claim: mount the pins before the guard, or put them around it');
}
