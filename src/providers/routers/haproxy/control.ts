/**
 * HAProxy's own account of a service over its control endpoint: runtime state, clock and process id of the serving worker in
 * one answer. Read-back, never memory.
 */
import { request } from 'undici';
import { z } from 'zod';
import type { Instant } from '../../../domain/words.js';
import { permanent, transient } from '../../errors.js';
import type { Deadline } from './deadline.js';
import { CONTROL_PATH, NO_RELEASE, decodeWord, isSlot, type Slot } from './names.js';
import { readRoute, type StoredRoute } from './route-value.js';

export type Revocation =
  { readonly kind: 'none' } | { readonly kind: 'rolled-back' } | { readonly kind: 'finalised'; readonly sequence: number };

/** What the router knows of one ramp, whether or not it is the live one. */
export interface RampFacts {
  readonly id: string;
  /** Undefined where the ramp was never claimed here, or by hand. */
  readonly claimed: { readonly epoch: number; readonly owner: string } | undefined;
  readonly lease: 'live' | 'lapsed' | 'none';
  /** When the lease ends, by the router's clock; 0 without one. */
  readonly leaseUntil: Instant;
  readonly revocation: Revocation;
}

export interface ControlState {
  /** The router's clock. */
  readonly at: Instant;
  readonly pid: number;
  readonly stable: Slot | undefined;
  /** The ramp that the fence names; its route may be lost (a reload). */
  readonly live: RampFacts | undefined;
  /** The ramp that the caller asked about. */
  readonly asked: RampFacts | undefined;
  readonly route: StoredRoute | undefined;
  /** The route as stored. */
  readonly routeValue: string;
  /** Empty where the router does not know. */
  readonly releases: Readonly<Record<Slot, string>>;
  readonly liveServers: Readonly<Record<Slot, number>>;
  readonly sessions: Readonly<Record<Slot, number>>;
}

const perSlot = <T extends z.ZodType>(value: T) => z.object({ blue: value, green: value });

const ANSWER = z.object({
  nowMs: z.number(),
  pid: z.number(),
  stable: z.string(),
  ramp: z.string(),
  epoch: z.number(),
  owner: z.string(),
  route: z.string(),
  leaseExpiry: z.string(),
  revoked: z.string(),
  releases: perSlot(z.string()),
  nbsrv: perSlot(z.number()),
  sessions: perSlot(z.number()),
  asked: z.object({ ramp: z.string(), info: z.string(), leaseExpiry: z.string(), revoked: z.string() }),
});

/** Reads the state of `service`, and what is known of the ramp with the id `ramp`. */
export async function readControl(
  controlUrl: string,
  service: string,
  ramp: string | undefined,
  deadline: Deadline,
): Promise<ControlState> {
  // Bare, because HAProxy decodes no percent signs; both were checked to be plain words.
  const query = `svc=${service}${ramp === undefined ? '' : `&ramp=${ramp}`}`;
  const { status, body } = await get(`${controlUrl}${CONTROL_PATH}?${query}`, deadline);
  if (status === 404)
    throw permanent(`HAProxy has no service "${service}": ${body.slice(0, 400)}. Add it to the configuration and reload`);
  if (status !== 200) throw transient(`${controlUrl}: expected 200, got ${String(status)}`);
  const state = interpret(controlUrl, body);
  if (state.asked?.id !== ramp)
    throw permanent(`${controlUrl} was asked about ramp "${String(ramp)}" and answered about "${String(state.asked?.id)}"`);
  return state;
}

/** A connection of its own: a kept one could be answered by a worker of an earlier load. */
export async function get(url: string, deadline: Deadline): Promise<{ readonly status: number; readonly body: string }> {
  const signal = AbortSignal.timeout(Math.max(1, Math.ceil(deadline.leftMs())));
  try {
    const { statusCode, body } = await request(url, { reset: true, signal });
    return { status: statusCode, body: await body.text() };
  } catch (error) {
    if (signal.aborted) throw deadline.passed();
    throw transient(`${url}: ${error instanceof Error ? error.message : String(error)}`, error);
  }
}

function interpret(controlUrl: string, body: string): ControlState {
  const parsed = ANSWER.safeParse(parseJson(body));
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    const found = issue === undefined ? '' : ` (${issue.path.join('.')}: ${issue.message})`;
    throw permanent(
      `${controlUrl} does not answer like Sluice's HAProxy configuration${found}: render it anew with this version`,
    );
  }
  const { data } = parsed;
  const nowS = Math.floor(data.nowMs / 1_000);
  const { asked } = data;
  const facts = (id: string, claimed: RampFacts['claimed'], expiry: string, revoked: string): RampFacts | undefined =>
    id === 'none' ? undefined : { id, claimed, ...leaseOf(expiry, nowS), revocation: revocationOf(revoked) };
  return {
    at: data.nowMs,
    pid: data.pid,
    stable: isSlot(data.stable) ? data.stable : undefined,
    live: facts(data.ramp, claimOf(`${String(data.epoch)}:${data.owner}`), data.leaseExpiry, data.revoked),
    asked: facts(asked.ramp, claimOf(asked.info), asked.leaseExpiry, asked.revoked),
    route: readRoute(data.route),
    routeValue: data.route,
    releases: { blue: releaseOf(data.releases.blue), green: releaseOf(data.releases.green) },
    liveServers: data.nbsrv,
    sessions: data.sessions,
  };
}

/** The same rule as in the configuration: live only if now < expiry <= now + 1 h, in whole seconds. */
function leaseOf(expiry: string, nowS: number): Pick<RampFacts, 'lease' | 'leaseUntil'> {
  if (expiry === '0') return { lease: 'none', leaseUntil: 0 };
  const atS = /^\d{1,10}$/.test(expiry) ? Number(expiry) : 0;
  return { lease: atS > nowS && atS <= nowS + 3_600 ? 'live' : 'lapsed', leaseUntil: atS * 1_000 };
}

function revocationOf(value: string): Revocation {
  if (value === 'no') return { kind: 'none' };
  const [, sequence] = /^finalised\.(\d+)$/.exec(value) ?? [];
  return sequence === undefined ? { kind: 'rolled-back' } : { kind: 'finalised', sequence: Number(sequence) };
}

function claimOf(info: string): RampFacts['claimed'] {
  const [, epoch, owner] = /^([1-9]\d{0,8}):(.+)$/.exec(info) ?? [];
  return epoch === undefined || owner === undefined ? undefined : { epoch: Number(epoch), owner: decodeWord(owner) };
}

const releaseOf = (word: string): string => (word === NO_RELEASE ? '' : decodeWord(word));

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
