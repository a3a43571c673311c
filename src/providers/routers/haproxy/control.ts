/**
 * HAProxy's own account of a service over its control endpoint: runtime state, clock and process id of the serving worker in
 * one answer. Read-back, never memory.
 */
import { z } from 'zod';
import { isSlot } from '../../../domain/words.js';
import { permanent, transient } from '../../errors.js';
import type { ControlState, RampFacts, Revocation } from '../slots/control-state.js';
import type { Deadline } from '../slots/deadline.js';
import { get } from '../slots/get.js';
import { CONTROL_PATH, NO_RELEASE, decodeWord } from '../slots/names.js';
import { readRoute } from '../slots/route-value.js';

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
