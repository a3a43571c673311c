/** Which headers pass the edge. */
import type { IncomingMessage } from 'node:http';
import { HOP_BY_HOP, namedBy } from '../../http/hop-by-hop.js';
import { PIN_HEADERS, TOKEN_HEADER } from './pins.js';

export type OutgoingHeaders = Record<string, string | string[]>;

/** What the edge says, nobody else may say. */
const OURS = ['x-release-slot', 'x-release-role', 'x-route-why', 'x-route-gen', 'x-route-lease'];
/** `expect` has been answered here. */
const NEVER_TO_SLOT = new Set([...HOP_BY_HOP, ...OURS, TOKEN_HEADER, 'expect']);

/**
 * The client's headers for the slot, in their order, with what the edge decided. The token never goes further; the pin does,
 * for callers who may pin (A15).
 */
export function headersToSlot(request: IncomingMessage, mayPin: boolean, ours: OutgoingHeaders): string[] {
  const dropped = [...furtherNamedBy(request.headers.connection), ...(mayPin ? [] : PIN_HEADERS)];
  const kept: string[] = [];
  const { rawHeaders } = request;
  for (let index = 0; index + 1 < rawHeaders.length; index += 2) {
    const [name = '', value = ''] = rawHeaders.slice(index, index + 2);
    const known = name.toLowerCase();
    if (!NEVER_TO_SLOT.has(known) && !dropped.includes(known)) kept.push(name, value);
  }
  for (const [name, value] of Object.entries(ours)) kept.push(name, String(value));
  return kept;
}

/** The slot's headers for the client, with what the edge decided and its cookies. */
export function headersToClient(
  fromSlot: Readonly<Record<string, string | string[] | undefined>>,
  ours: OutgoingHeaders,
  cookies: readonly string[],
): OutgoingHeaders {
  const dropped = furtherNamedBy(fromSlot['connection']);
  const headers: OutgoingHeaders = {};
  for (const [name, value] of Object.entries(fromSlot)) {
    if (value !== undefined && !HOP_BY_HOP.includes(name) && !dropped.includes(name)) headers[name] = value;
  }
  Object.assign(headers, ours);
  if (cookies.length > 0) headers['set-cookie'] = [fromSlot['set-cookie'] ?? [], cookies].flat(2);
  return headers;
}

/** Bare type and subtype, and only characters that cannot break a line of the log. */
export function mediaType(contentType: string | string[] | undefined): string {
  const [bare = ''] = String(contentType ?? '').split(';');
  return bare
    .toLowerCase()
    .slice(0, 64)
    .replace(/[^a-z0-9/.+-]/g, '');
}

/** Nothing, for the two words that are said of every connection. */
function furtherNamedBy(connection: string | string[] | undefined): string[] {
  if (connection === undefined || connection === 'keep-alive' || connection === 'close') return [];
  return namedBy(String(connection));
}
