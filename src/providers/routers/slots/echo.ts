/** The router's echo: unpinned answers that show the generation which routes them. */
import { z } from 'zod';
import type { Receipt } from '../../ports.js';
import { transient } from '../../errors.js';
import type { Found } from '../read-back.js';
import type { Deadline } from './deadline.js';
import { get } from './get.js';
import { ECHO_PATH } from './names.js';

const ECHO = z.object({ gen: z.string(), role: z.enum(['stable', 'candidate']), lease: z.enum(['live', 'expired', 'revoked']) });
export type Echo = z.infer<typeof ECHO>;

/** Asks where an unpinned request would go now. Answered by the router itself, outside its log: it is nobody's traffic (A9). */
export async function readEcho(publicUrl: string, service: string, deadline: Deadline): Promise<Echo> {
  const { href } = new URL(`${ECHO_PATH}?${new URLSearchParams({ svc: service }).toString()}`, publicUrl);
  const { status, body } = await get(href, deadline);
  const parsed = status === 200 ? ECHO.safeParse(parseJson(body)) : undefined;
  if (parsed?.success !== true)
    throw transient(`${href}: expected the router's echo, got ${String(status)} ${body.slice(0, 200)}`);
  return parsed.data;
}

/** What the echo must show for a read-back that converged. An echo of before is no failure: ask again. */
export function echoAgrees(echo: Echo, found: Found, receipt: Receipt): boolean {
  // Of a ramp that is over, nothing may be served, whatever generation serves now.
  if (found.revoked) return !echo.gen.startsWith(`${receipt.ramp}.`) || (echo.role === 'stable' && echo.lease !== 'live');
  // At weight 0 a lapsed lease takes nobody anywhere.
  return echo.gen === `${receipt.ramp}.${String(receipt.sequence)}` && (echo.lease === 'live' || found.route.candidateBp === 0);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
