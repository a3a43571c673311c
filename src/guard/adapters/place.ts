/**
 * Where something is kept for one request. Express gives each request and response another prototype, and from then on each new
 * property of theirs costs a shape of its own, and what it holds outlives the collector's cheap runs. The list of raw headers
 * belongs to one request as well, and all such lists have one shape. A copy of a request has the same list: who keeps something
 * here must say whose it is.
 */
export function placeOf(request: object): object {
  const { rawHeaders } = request as { readonly rawHeaders?: unknown };
  return Array.isArray(rawHeaders) ? rawHeaders : request;
}
