/** How long an answer asks its client to wait (RFC 9110, 10.2.3). */

/**
 * Milliseconds, from `Retry-After` in seconds or as a date; undefined: it does not say, or nothing that can be read. A date is
 * held against the answer's own `Date`: the two are of one clock, and ours may be wrong.
 */
export function retryAfterMs(headers: Headers, now: number): number | undefined {
  const text = headers.get('retry-after')?.trim();
  if (text === undefined || text === '') return undefined;
  if (/^\d{1,9}$/.test(text)) return Number(text) * 1_000;
  // `Date.parse` takes much that is no date of HTTP, such as a bare number.
  if (!/^[A-Z][a-z]{2,8},? /.test(text)) return undefined;
  const until = Date.parse(text);
  const said = Date.parse(headers.get('date') ?? '');
  return Number.isNaN(until) ? undefined : Math.max(until - (Number.isNaN(said) ? now : said), 0);
}
