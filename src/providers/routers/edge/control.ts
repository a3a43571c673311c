/**
 * The embedded edge's control endpoint (src/dataplane/edge/control.ts): its own account of a service, which has the keys of
 * HAProxy's, and the operations. `tag` names the state that was read; a write is carried out on that state or not at all.
 */
import { request } from 'undici';
import { z } from 'zod';
import { SLOTS } from '../../../domain/words.js';
import { permanent, transient } from '../../errors.js';
import type { ControlState, RampFacts } from '../slots/control-state.js';
import type { Deadline } from '../slots/deadline.js';
import { CONTROL_PATH, NO_RELEASE, decodeWord } from '../slots/names.js';
import { readRoute } from '../slots/route-value.js';

export interface EdgeState extends ControlState {
  readonly tag: string;
}

const slot = z.enum(SLOTS);
const perSlot = <T extends z.ZodType>(value: T) => z.object({ blue: value, green: value });
const READ_BACK = z.object({
  nowMs: z.number(),
  pid: z.number(),
  stable: slot,
  ramp: z.string(),
  epoch: z.number(),
  owner: z.string(),
  route: z.string(),
  leaseExpiry: z.string().regex(/^\d{1,15}$/),
  revoked: z.string(),
  releases: perSlot(z.string()),
  nbsrv: perSlot(z.number()),
  sessions: perSlot(z.number()),
  asked: z.object({ ramp: z.string(), info: z.string(), leaseExpiry: z.string(), revoked: z.string() }),
});
const RENEWAL = z.object({ renewal: z.enum(['renewed', 'lapsed', 'revoked']) });
const PROBLEM = z.object({ detail: z.string() });

interface Answer {
  readonly status: number;
  readonly tag: string;
  readonly body: unknown;
}

export class EdgeControl {
  constructor(
    private readonly controlUrl: string,
    private readonly token: string,
  ) {}

  /** The state of `service`, and what is known of the ramp with the id `ramp`. */
  async read(service: string, ramp: string | undefined, deadline: Deadline): Promise<EdgeState> {
    const query = new URLSearchParams({ svc: service, ...(ramp === undefined ? {} : { ramp }) });
    const answer = await this.#ask('GET', `${CONTROL_PATH}?${query.toString()}`, undefined, undefined, deadline);
    return this.#state(answer);
  }

  /** Carries out a write on the state that `tag` names; `changed`: the state is another by now, and nothing was written. */
  async write(operation: 'apply' | 'finalise', body: object, tag: string, deadline: Deadline): Promise<'written' | 'changed'> {
    const { status } = await this.#ask('POST', `/${operation}`, body, tag, deadline);
    return status === 412 ? 'changed' : 'written';
  }

  async revoke(service: string, ramp: string, deadline: Deadline): Promise<void> {
    await this.#ask('POST', '/revoke', { service, ramp }, undefined, deadline);
  }

  async renew(service: string, ramp: string, leaseUntil: number, deadline: Deadline): Promise<'renewed' | 'lapsed' | 'revoked'> {
    const { body } = await this.#ask('POST', '/renew', { service, ramp, leaseUntil }, undefined, deadline);
    const parsed = RENEWAL.safeParse(body);
    if (!parsed.success) throw this.#unlike(parsed.error);
    return parsed.data.renewal;
  }

  async #ask(
    method: 'GET' | 'POST',
    path: string,
    body: object | undefined,
    tag: string | undefined,
    deadline: Deadline,
  ): Promise<Answer> {
    deadline.check();
    const signal = AbortSignal.timeout(Math.max(1, Math.ceil(deadline.leftMs())));
    try {
      const response = await request(`${this.controlUrl}${path}`, {
        method,
        headers: { authorization: `Bearer ${this.token}`, ...(tag === undefined ? {} : { 'if-match': `"${tag}"` }) },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        // A kept connection might be dead when the edge was restarted.
        reset: true,
        signal,
      });
      const text = await response.body.text();
      const answer = {
        status: response.statusCode,
        tag: String(response.headers['etag'] ?? '').replaceAll('"', ''),
        body: parseJson(text),
      };
      this.#refuse(answer);
      return answer;
    } catch (error) {
      if (error instanceof Error && error.name === 'ProviderError') throw error;
      if (signal.aborted) throw deadline.passed();
      throw transient(
        `${this.controlUrl}: ${error instanceof Error ? error.message : String(error)}; is the embedded edge running?`,
        error,
      );
    }
  }

  #refuse({ status, body }: Answer): void {
    if (status === 200 || status === 412) return;
    const detail = PROBLEM.safeParse(body).data?.detail.slice(0, 400) ?? '';
    if (status === 401)
      throw permanent(
        `${this.controlUrl} refuses the token: the connection's token must be the one that the edge was started with`,
      );
    const text = `${this.controlUrl} answered ${String(status)}: ${detail}`;
    throw status >= 400 && status < 500 ? permanent(text) : transient(text);
  }

  #state({ tag, body }: Answer): EdgeState {
    const parsed = READ_BACK.safeParse(body);
    if (!parsed.success) throw this.#unlike(parsed.error);
    const { nowMs, pid, stable, ramp, epoch, owner, route, leaseExpiry, revoked, releases, nbsrv, sessions, asked } = parsed.data;
    return {
      tag,
      at: nowMs,
      pid,
      stable,
      live: facts(ramp, { info: `${String(epoch)}:${owner}`, leaseExpiry, revoked }, nowMs),
      asked: facts(asked.ramp, asked, nowMs),
      route: readRoute(route),
      routeValue: route,
      releases: { blue: releaseOf(releases.blue), green: releaseOf(releases.green) },
      liveServers: nbsrv,
      sessions,
    };
  }

  #unlike(error: z.ZodError): Error {
    return permanent(
      `${this.controlUrl} does not answer like Sluice's embedded edge (${z.prettifyError(error).slice(0, 300)}): start it with this version`,
    );
  }
}

function facts(
  id: string,
  { info, leaseExpiry, revoked }: { info: string; leaseExpiry: string; revoked: string },
  nowMs: number,
): RampFacts | undefined {
  if (id === 'none') return undefined;
  const [, epoch, owner] = /^([1-9]\d*):(.+)$/.exec(info) ?? [];
  return {
    id,
    claimed: epoch === undefined || owner === undefined ? undefined : { epoch: Number(epoch), owner: decodeWord(owner) },
    ...leaseOf(Number(leaseExpiry), Math.floor(nowMs / 1_000)),
    revocation: revocationOf(revoked),
  };
}

/** The edge's own rule: live while now < expiry <= now + 1 h, in whole seconds. */
function leaseOf(expiryS: number, nowS: number): Pick<RampFacts, 'lease' | 'leaseUntil'> {
  if (expiryS === 0) return { lease: 'none', leaseUntil: 0 };
  return { lease: nowS < expiryS && expiryS <= nowS + 3_600 ? 'live' : 'lapsed', leaseUntil: expiryS * 1_000 };
}

function revocationOf(value: string): RampFacts['revocation'] {
  if (value === 'no') return { kind: 'none' };
  const [, sequence] = /^finalised\.(\d+)$/.exec(value) ?? [];
  return sequence === undefined ? { kind: 'rolled-back' } : { kind: 'finalised', sequence: Number(sequence) };
}

const releaseOf = (word: string): string => (word === NO_RELEASE ? '' : decodeWord(word));

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
