/** What a logged request counts as. */
import type { LoggedRequest } from './log-line.js';

/** `user` is what the gates judge; the others are counted by themselves (A9, haproxy-notes.md). */
export type Traffic = 'user' | 'pinned' | 'relpin' | 'unrouted';

export function trafficOf({ slot, role, why }: LoggedRequest): Traffic {
  if (slot === undefined || role === undefined || why === undefined) return 'unrouted';
  if (why === 'pin') return 'pinned';
  return why === 'relpin' ? 'relpin' : 'user';
}

/** `none`: the client or the slot was gone before there was a status. */
export function codeClassOf(status: number): string {
  return status < 100 || status > 599 ? 'none' : `${String(Math.floor(status / 100))}xx`;
}

/**
 * Who cut a stream after a 2xx (A23); undefined: nobody, or the client, who may leave. HAProxy's first character names who
 * ended the session (S and s the slot, P R I D the proxy on its behalf, K U an operator or a failback), the second the phase:
 * D is the body. A body that only the connection's end delimits always reads as complete.
 */
export function cutBy({ status, termination }: LoggedRequest): 'server' | 'operator' | undefined {
  if (status < 200 || status > 299 || termination[1] !== 'D') return undefined;
  const who = termination[0] ?? '-';
  if ('SsPRID'.includes(who)) return 'server';
  return 'KU'.includes(who) ? 'operator' : undefined;
}

/**
 * Milliseconds that the user waited: to the first byte for a streamed answer, for others the whole (A23). A client that gave
 * up waited at least as long as the line says. Undefined where the line has no time.
 */
export function latencyOf({ contentType, firstByteMs, totalMs }: LoggedRequest, streamed: readonly string[]): number | undefined {
  const [mediaType = ''] = contentType.toLowerCase().split(';');
  const waited = firstByteMs >= 0 && streamed.includes(mediaType.trim()) ? firstByteMs : totalMs;
  return waited < 0 ? undefined : waited;
}
