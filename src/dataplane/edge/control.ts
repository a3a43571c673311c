/**
 * The controller's side, on a loopback port of its own, for holders of the token:
 *
 *     GET  /route?svc=<service>[&ramp=<ramp>]   the read-back; `ETag` names the state that it shows
 *     POST /apply | /finalise                   the whole route, with `If-Match`: 412 if the state is another by now
 *     POST /revoke                              {service, ramp}, unconditional
 *     POST /renew                               {service, ramp, leaseUntil} → {"renewal": "renewed" | "lapsed" | "revoked"}
 *
 * The others answer with the read-back. Errors are problem+json.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { z } from 'zod';
import { APPLY, FINALISE, RENEW, REVOKE } from './control-requests.js';
import { CONTROL_PATH } from './names.js';
import { single, tokenCheck } from './pins.js';
import type { ReadBack } from './read-back.js';
import type { RouteStore } from './route-store.js';

export interface ControlOptions {
  readonly token: string;
  readonly store: RouteStore;
  readonly readBack: (service: string, ramp: string | undefined) => ReadBack;
}

const LARGEST_BODY = 64 * 1_024;

class Problem extends Error {
  constructor(
    readonly status: number,
    detail: string,
  ) {
    super(detail);
  }
}

export class Control {
  readonly #options: ControlOptions;
  readonly #isToken: (given: string | undefined) => boolean;

  constructor(options: ControlOptions) {
    this.#options = options;
    this.#isToken = tokenCheck(options.token);
  }

  async serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      if (!this.#isToken(/^Bearer (.+)$/.exec(single(request.headers.authorization) ?? '')?.[1]))
        throw new Problem(401, 'expected "Authorization: Bearer <token of the edge>"');
      const url = new URL(request.url ?? '/', 'http://edge');
      if (request.method === 'GET' && url.pathname === CONTROL_PATH)
        this.#answer(response, url.searchParams.get('svc'), url.searchParams.get('ramp'));
      else if (request.method === 'POST') this.#act(url.pathname, await bodyOf(request), request, response);
      else throw new Problem(404, `known: GET ${CONTROL_PATH}, POST /apply, /revoke, /finalise, /renew`);
    } catch (error) {
      // What is not a refusal is a fault of ours or of the disk; the controller reads before it concludes.
      const status = error instanceof Problem ? error.status : 500;
      send(response, status, {
        type: 'about:blank',
        title: status === 500 ? 'Internal Server Error' : 'Refused',
        status,
        detail: error instanceof Error ? error.message : String(error),
      });
    }
  }

  /** Synchronous from here on: nothing comes between the check of `If-Match` and the effect. */
  #act(path: string, body: unknown, request: IncomingMessage, response: ServerResponse): void {
    const { store } = this.#options;
    switch (path) {
      case '/apply': {
        const { service, leaseUntil, ...write } = check(APPLY, body);
        this.#match(service, request);
        store.apply(service, write, leaseUntil);
        this.#answer(response, service, write.ramp.id);
        return;
      }
      case '/finalise': {
        const { service, ...write } = check(FINALISE, body);
        this.#match(service, request);
        store.finalise(service, write);
        this.#answer(response, service, write.ramp.id);
        return;
      }
      case '/revoke': {
        const { service, ramp } = check(REVOKE, body);
        this.#known(service);
        store.revoke(service, ramp);
        this.#answer(response, service, ramp);
        return;
      }
      case '/renew': {
        const { service, ramp, leaseUntil } = check(RENEW, body);
        this.#known(service);
        send(response, 200, { renewal: store.renew(service, ramp, leaseUntil) });
        return;
      }
      default:
        throw new Problem(404, 'known: POST /apply, /revoke, /finalise, /renew');
    }
  }

  #answer(response: ServerResponse, service: string | null, ramp: string | null): void {
    const { store, readBack } = this.#options;
    const name = service ?? store.names[0] ?? '';
    this.#known(name);
    send(response, 200, readBack(name, ramp ?? undefined), { etag: `"${store.tag(name)}"` });
  }

  #match(service: string, request: IncomingMessage): void {
    this.#known(service);
    const expected = request.headers['if-match'];
    if (expected === undefined)
      throw new Problem(428, 'expected If-Match with the ETag of the read-back that this write was decided on');
    if (expected !== `"${this.#options.store.tag(service)}"`)
      throw new Problem(412, 'the route was changed since it was read: read it again; nothing was written');
  }

  #known(service: string): void {
    const { names } = this.#options.store;
    if (!names.includes(service)) throw new Problem(404, `no service "${service.slice(0, 80)}"; known: ${names.join(', ')}`);
  }
}

function check<Schema extends z.ZodType>(schema: Schema, body: unknown): z.infer<Schema> {
  const parsed = schema.safeParse(body);
  if (parsed.success) return parsed.data;
  throw new Problem(422, z.prettifyError(parsed.error).slice(0, 400));
}

async function bodyOf(request: IncomingMessage): Promise<unknown> {
  const pieces: Buffer[] = [];
  let size = 0;
  for await (const piece of request as AsyncIterable<Buffer>) {
    size += piece.length;
    if (size > LARGEST_BODY) throw new Problem(413, `a body has at most ${String(LARGEST_BODY)} bytes`);
    pieces.push(piece);
  }
  try {
    return JSON.parse(Buffer.concat(pieces).toString('utf8'));
  } catch {
    throw new Problem(400, 'the body is not JSON');
  }
}

function send(response: ServerResponse, status: number, body: object, headers: Readonly<Record<string, string>> = {}): void {
  const type = status >= 400 ? 'application/problem+json' : 'application/json';
  response.writeHead(status, { ...headers, 'content-type': type, 'cache-control': 'no-store' }).end(JSON.stringify(body));
}
