/** An edge before two servers in this process, which do what a test asks of them. */
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { request, type Dispatcher } from 'undici';
import { startEdge, type Edge, type EdgeOptions } from '../../../src/dataplane/edge/edge.js';
import type { AccessLine } from '../../../src/dataplane/edge/access-line.js';
import { until } from '../../harness/until.js';

export const TOKEN = 'test-release-token-0123456789';

export type Handler = (request: IncomingMessage, response: ServerResponse) => void;

/** A slot's server. What it answers may be changed; `/stream` is answered by `SlotStream`s that the test ends. */
export class TestSlot {
  requests = 0;
  readonly streams: ServerResponse[] = [];
  handler: Handler | undefined;
  #server: Server | undefined;
  port = 0;

  constructor(readonly name: string) {}

  get url(): string {
    return `http://127.0.0.1:${String(this.port)}`;
  }

  async start(): Promise<void> {
    const server = createServer((request, response) => {
      this.#answer(request, response);
    });
    server.listen(this.port, '127.0.0.1');
    await once(server, 'listening');
    this.port = (server.address() as { port: number }).port;
    this.#server = server;
  }

  /** As if the process had died: connections break. */
  async die(): Promise<void> {
    const server = this.#server;
    if (server === undefined) return;
    const closing = once(server, 'close');
    server.close();
    server.closeAllConnections();
    this.#server = undefined;
    await closing;
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    this.requests++;
    response.setHeader('x-revision', this.name);
    if (this.handler !== undefined) {
      this.handler(request, response);
      return;
    }
    if (request.url?.startsWith('/stream') === true) {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write(`data: ${this.name}\n\n`);
      this.streams.push(response);
      return;
    }
    request.resume();
    request.once('end', () => response.end(this.name));
  }
}

export interface TestEdge {
  readonly edge: Edge;
  readonly blue: TestSlot;
  readonly green: TestSlot;
  readonly lines: AccessLine[];
  readonly said: string[];
  readonly options: EdgeOptions;
  /** Moves the edge's clock. */
  pass(ms: number): void;
  /** Ends the edge and starts it again on its state file, on the same ports. */
  restart(): Promise<void>;
  get(headers?: Record<string, string>, path?: string): Promise<Answered>;
  /** The line that is written for the n-th request, from 1. */
  line(n: number): Promise<AccessLine>;
  control(method: 'GET' | 'POST', path: string, body?: object, headers?: Record<string, string>): Promise<ControlAnswer>;
  stop(): Promise<void>;
}

export interface Answered {
  readonly status: number;
  readonly headers: Dispatcher.ResponseData['headers'];
  readonly body: string;
}

export interface ControlAnswer {
  readonly status: number;
  readonly etag: string;
  readonly body: Readonly<Record<string, unknown>>;
}

export async function startTestEdge(more: Partial<EdgeOptions> = {}): Promise<TestEdge> {
  const [blue, green] = [new TestSlot('blue'), new TestSlot('green')];
  await Promise.all([blue.start(), green.start()]);
  const folder = mkdtempSync(join(tmpdir(), 'edge-'));
  const lines: AccessLine[] = [];
  const said: string[] = [];
  let aheadMs = 0;
  const options: EdgeOptions = {
    port: 0,
    controlPort: 0,
    token: TOKEN,
    stateFile: join(folder, 'edge.json'),
    services: { app: { blue: blue.url, green: green.url } },
    log: (line) => lines.push(JSON.parse(line) as AccessLine),
    say: (text) => said.push(text),
    now: () => Date.now() + aheadMs,
    ...more,
  };
  const test = {
    edge: await startEdge(options),
    blue,
    green,
    lines,
    said,
    options,
    pass: (ms: number) => {
      aheadMs += ms;
    },
    restart: async () => {
      const { public: users, control } = test.edge.addresses;
      await test.edge.close();
      test.edge = await startEdge({ ...options, port: users.port, controlPort: control.port });
    },
    get: (headers: Record<string, string> = {}, path = '/') => ask(`${test.edge.addresses.public.url}${path}`, { headers }),
    line: (n: number) => until(() => lines[n - 1], { withinMs: 5_000, what: `line ${String(n)} of the log` }),
    control: async (method: 'GET' | 'POST', path: string, body?: object, headers: Record<string, string> = {}) => {
      const answer = await ask(`${test.edge.addresses.control.url}${path}`, {
        method,
        headers: { authorization: `Bearer ${TOKEN}`, ...headers },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      return {
        status: answer.status,
        etag: String(answer.headers['etag'] ?? ''),
        body: JSON.parse(answer.body) as Record<string, unknown>,
      };
    },
    stop: async () => {
      await test.edge.close();
      await Promise.all([blue.die(), green.die()]);
      rmSync(folder, { recursive: true, force: true });
    },
  };
  return test;
}

/** A request on a connection of its own. */
export async function ask(
  url: string,
  options: Partial<Dispatcher.RequestOptions> & { readonly method?: Dispatcher.HttpMethod } = {},
): Promise<Answered> {
  const { statusCode, headers, body } = await request(url, { method: 'GET', reset: true, ...options });
  return { status: statusCode, headers, body: await body.text() };
}

/** Writes the route on what is read now, past every adapter: what the edge does is under test, not who asks. */
export async function tell(
  edge: TestEdge,
  candidateBp: number,
  sequence: number,
  more: Readonly<Record<string, unknown>> = {},
): Promise<ControlAnswer> {
  const { etag, body } = await edge.control('GET', '/route?svc=app');
  return edge.control(
    'POST',
    '/apply',
    { ...route(candidateBp, sequence), leaseUntil: Number(body['nowMs']) + 60_000, ...more },
    { 'if-match': etag },
  );
}

export const RAMP = { id: 'release-2~1234abcd', epoch: 1, owner: 'rollout/production/app' };

export function route(candidateBp: number, sequence: number): Readonly<Record<string, unknown>> {
  return {
    service: 'app',
    stable: { slot: 'blue', release: 'release-1' },
    candidate: { slot: 'green', release: 'release-2' },
    candidateBp,
    sticky: true,
    ramp: RAMP,
    sequence,
  };
}
