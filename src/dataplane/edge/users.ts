/** The users' side: every request is routed, marked, carried and logged. */
import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { EVERYBODY, type Instant, type Slot } from '../../domain/words.js';
import type { AccessLine, LineSink } from './access-line.js';
import { Answer, type AnswerEnd } from './answer.js';
import { bucketOf } from './buckets.js';
import { cookieValue, NO_RELWAS, relpinCookie, relwasCookie, uidCookie } from './cookies.js';
import { decideRoute, type Misdirected, type Routed, type Stay } from './decide-route.js';
import { Exchange } from './exchange.js';
import { headersToClient, headersToSlot, mediaType, type OutgoingHeaders } from './headers.js';
import { ECHO_PATH, NO_RELEASE } from './names.js';
import { pinOf, single, tokenCheck, TOKEN_HEADER } from './pins.js';
import { generationOf, leaseOf, type Lease, type ServiceState } from './service-state.js';
import type { SlotServer } from './slot-server.js';

export interface UsersOptions {
  readonly token: string;
  /** Lower-case header with the user's id. */
  readonly uidHeader: string;
  /** Lower-case header with the key that the caller repeats. */
  readonly stickyHeader: string;
  readonly now: () => Instant;
  /** 0 to 1, 1 left out. */
  readonly random: () => number;
  readonly state: (service: string) => ServiceState;
  readonly slots: (service: string) => Readonly<Record<Slot, SlotServer>>;
  /** The service of a host name, without its port. */
  readonly serviceOf: (host: string) => string;
  readonly isService: (name: string) => boolean;
  readonly log: LineSink;
  /** Whether the edge itself is closing connections. */
  readonly isCutting: () => boolean;
}

/** Streams come back to where they were (R17). */
const STREAMED = new Set(['text/event-stream', 'application/x-ndjson']);

/** One request's routing; nothing that is told later changes it. */
interface Decision {
  readonly service: string;
  readonly state: ServiceState;
  readonly lease: Lease;
  readonly mayPin: boolean;
  readonly target: Routed | Misdirected;
}

export class Users {
  readonly #options: UsersOptions;
  readonly #isToken: (given: string | undefined) => boolean;
  #open = 0;
  #isIdle: () => void = () => undefined;

  constructor(options: UsersOptions) {
    this.#options = options;
    this.#isToken = tokenCheck(options.token);
  }

  serve(request: IncomingMessage, response: ServerResponse): void {
    const { url = '/', headers } = request;
    const [path, query] = url.split('?');
    const host = (headers.host ?? '').replace(/:\d*$/, '').toLowerCase();
    if (path !== ECHO_PATH) {
      this.#carry(request, response, this.#decide(request, this.#options.serviceOf(host)));
      return;
    }
    const named = new URLSearchParams(query).get('svc') ?? '';
    this.#echo(response, this.#decide(request, this.#options.isService(named) ? named : this.#options.serviceOf(host)));
  }

  /** Resolves when no answer is open, each with its line in the log. */
  async whenIdle(): Promise<void> {
    if (this.#open > 0) await new Promise<void>((resolve) => (this.#isIdle = resolve));
  }

  /** Bytes that never became a request: a line like any other, so that no reader stumbles. */
  logUnrouted(status: number): void {
    const none = '-';
    this.#options.log.write({
      ...{ at: this.#options.now(), svc: none, slot: none, role: none, why: none, gen: none, lease: none, release: none },
      ...{ st: status, Ta: 0, Tr: -1, ts: 'PR--', bytes: 0, ct: none, pid: process.pid, stick: none },
    });
  }

  #decide({ headers }: IncomingMessage, service: string): Decision {
    const { now, random, state: stateOf, slots, uidHeader, stickyHeader } = this.#options;
    const state = stateOf(service);
    const lease = leaseOf(state, now());
    const mayPin = this.#isToken(single(headers[TOKEN_HEADER]));
    const target = decideRoute(state, {
      lease,
      pin: mayPin ? pinOf(headers) : { kind: 'none' },
      isAlive: (slot) => slots(service)[slot].isAlive,
      relpin: () => cookieValue(headers.cookie, 'relpin'),
      relwas: () => cookieValue(headers.cookie, 'relwas'),
      user: (by) =>
        userOf(by === 'cookie' ? undefined : single(headers[by === 'user' ? uidHeader : stickyHeader]), headers.cookie),
      newUser: randomUUID,
      bucket: (ramp, user) => bucketOf(service, ramp, user),
      draw: () => Math.floor(random() * EVERYBODY),
    });
    return { service, state, lease, mayPin, target };
  }

  #carry(request: IncomingMessage, response: ServerResponse, decision: Decision): void {
    const at = this.#options.now();
    const { service, mayPin, target } = decision;
    const ours = marks(decision);
    const answer = new Answer(request, response, this.#options.isCutting);
    this.#open++;
    answer.whenOver((end) => {
      this.#options.log.write(lineOf(at, decision, end));
      if (--this.#open === 0) this.#isIdle();
    });
    if (target.kind === 'misdirected') {
      answer.problem(421, 'Misdirected Request', target.detail, 'LR--', ours);
      return;
    }
    const server = this.#options.slots(service)[target.slot];
    server.sessions++;
    answer.whenOver(() => server.sessions--);
    new Exchange(answer, {
      server,
      toSlot: headersToSlot(request, mayPin, ours),
      ours,
      toClient: (fromSlot) => headersToClient(fromSlot, ours, cookiesOf(decision, target, mediaType(fromSlot['content-type']))),
    }).begin();
  }

  /** Where would a request go now? Answered here and not logged: it is nobody's traffic (A9). */
  #echo(response: ServerResponse, decision: Decision): void {
    const { target, state, lease } = decision;
    const headers = { ...marks(decision), 'content-type': 'application/json', 'cache-control': 'no-store' };
    if (target.kind === 'misdirected') {
      const problem = { type: 'about:blank', title: 'Misdirected Request', status: 421, detail: target.detail };
      response.writeHead(421, { ...headers, 'content-type': 'application/problem+json' }).end(JSON.stringify(problem));
      return;
    }
    const { slot, role, why } = target;
    response
      .writeHead(200, headers)
      .end(JSON.stringify({ gen: generationOf(state.route), slot, role, why, lease, pid: process.pid }));
  }
}

/** What was decided, for the slot, the client and the echo. */
function marks({ target, state, lease }: Decision): OutgoingHeaders {
  const isRouted = target.kind === 'routed';
  return {
    'x-release-slot': target.slot ?? '',
    'x-release-role': isRouted ? target.role : '',
    'x-route-why': isRouted ? target.why : 'pin',
    'x-route-gen': generationOf(state.route),
    'x-route-lease': lease,
  };
}

function cookiesOf({ state: { route } }: Decision, { why, slot, newUser, stay }: Routed, type: string): string[] {
  const isDrawn = why === 'bucket' || why === 'draw';
  return [
    ...(newUser === undefined ? [] : [uidCookie(newUser)]),
    ...(isDrawn && route !== undefined && STREAMED.has(type) ? [relpinCookie(route.ramp, slot)] : []),
    ...markOf(stay),
  ];
}

function markOf(stay: Stay): string[] {
  if (stay.kind === 'first') return [relwasCookie(stay.mark)];
  return stay.kind === 'broken' ? [NO_RELWAS] : [];
}

function lineOf(at: Instant, { service, state, lease, target }: Decision, end: AnswerEnd): AccessLine {
  const routed = target.kind === 'routed' ? target : undefined;
  return {
    at,
    svc: service,
    slot: target.slot ?? '-',
    role: routed?.role ?? '-',
    why: routed?.why ?? 'pin',
    gen: generationOf(state.route),
    lease,
    release: (routed && state.durable.releases[routed.slot]) ?? NO_RELEASE,
    st: end.status,
    Ta: end.totalMs,
    Tr: end.firstByteMs,
    ts: end.termination,
    bytes: end.bytes,
    ct: end.contentType === '' ? '-' : end.contentType,
    pid: process.pid,
    stick: routed?.stay.kind === 'kept' || routed?.stay.kind === 'broken' ? routed.stay.kind : '-',
  };
}

/** Untrusted, so bounded: a header of 1 to 256 characters, else a cookie that we could have given. */
function userOf(header: string | undefined, cookies: string | undefined): string | undefined {
  if (header !== undefined && header.length >= 1 && header.length <= 256) return header;
  const uid = cookieValue(cookies, 'uid');
  return uid !== undefined && /^[0-9a-f-]{16,64}$/.test(uid) ? uid : undefined;
}
