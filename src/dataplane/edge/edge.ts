/**
 * The embedded edge: a small reverse proxy in this process that keeps the rules of our HAProxy, for `sluice dev`, `sluice demo`
 * and tests where HAProxy is not installed. One process and one server a slot; no TLS, no HTTP/2, no upgrades
 * (docs/adr/0002-edge-proxy.md says why, and on what it rests).
 */
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { Socket } from 'node:net';
import { SLOTS, type Instant, type Slot } from '../../domain/words.js';
import { openLog, type AccessLog } from './access-line.js';
import { Control } from './control.js';
import { readBack } from './read-back.js';
import { RouteStore } from './route-store.js';
import { SlotServer } from './slot-server.js';
import { StateFile } from './state-file.js';
import { Users } from './users.js';

export interface EdgeService {
  /** Base addresses of the slots' servers: `http://127.0.0.1:9001`. */
  readonly blue: string;
  readonly green: string;
  /** Host names, without ports, whose requests are the service's. Its own name unless told. */
  readonly hosts?: readonly string[];
  /** Which slot serves everybody before the first promotion. Blue unless told; the state file overrules. */
  readonly stable?: Slot;
}

export interface EdgeOptions {
  /** Where users arrive; 127.0.0.1 unless told. The control port is always on 127.0.0.1. */
  readonly host?: string;
  /** 0 takes a free one. */
  readonly port: number;
  readonly controlPort: number;
  /** Authorises controllers and pins; at least 16 characters. */
  readonly token: string;
  /** What a restart returns to. One edge a file. */
  readonly stateFile: string;
  /** By name; requests for hosts that nobody has go to the first. */
  readonly services: Readonly<Record<string, EdgeService>>;
  readonly log?: AccessLog;
  /** What people should know: that this is for trying out, and which slots die and come back. A process warning unless told. */
  readonly say?: (text: string) => void;
  /** Header with the user's id, for stickiness (A17). x-user-id unless told. */
  readonly uidHeader?: string;
  /** Header with a key that callers repeat on each request, for stickiness by header (R18). x-sticky-key unless told. */
  readonly stickyHeader?: string;
  /** Longest silence of a slot before and within an answer; 60,000 unless told. Streams must beat faster (X26). */
  readonly silenceMs?: number;
  /** Between two checks of a slot; 500 unless told. */
  readonly checkEveryMs?: number;
  /** The edge's clock and dice, for tests. */
  readonly now?: () => Instant;
  readonly random?: () => number;
}

export interface Address {
  readonly host: string;
  readonly port: number;
  readonly url: string;
}

export interface Edge {
  readonly addresses: { readonly public: Address; readonly control: Address };
  /** Takes no more requests, waits up to `drainMs` (0) for open answers, and cuts what is left. */
  close(options?: { readonly drainMs?: number }): Promise<void>;
}

export const TRYING_OUT =
  'the embedded edge is for trying out and for tests: one process, no TLS, no HTTP/2. In production let HAProxy route (deploy/haproxy)';

function warn(text: string): void {
  process.emitWarning(text);
}

const KEEP_ALIVE_MS = 60_000;

/** Resolves when both ports are open; rejects when one cannot be had, with nothing left open. */
export async function startEdge(options: EdgeOptions): Promise<Edge> {
  const { host = '127.0.0.1', say = warn } = options;
  checkOptions(options);
  const now = options.now ?? Date.now;
  const services = new Map(Object.entries(options.services));
  const first = services.keys().next().value ?? '';
  const hosts = new Map([...services].flatMap(([name, { hosts: own = [name] }]) => own.map((own) => [own.toLowerCase(), name])));
  const store = new RouteStore(
    new StateFile(options.stateFile),
    new Map([...services].map(([name, { stable = 'blue' }]) => [name, stable])),
    now,
  );
  const slots = new Map([...services].map(([name, service]) => [name, serversOf(name, service, options, say)]));
  const slotsOf = (service: string): Readonly<Record<Slot, SlotServer>> => present(slots.get(service), service);
  const log = openLog(options.log, (error) => {
    say(`access log: ${error.message}`);
  });
  let isCutting = false;
  const users = new Users({
    token: options.token,
    uidHeader: (options.uidHeader ?? 'x-user-id').toLowerCase(),
    stickyHeader: (options.stickyHeader ?? 'x-sticky-key').toLowerCase(),
    now,
    random: options.random ?? Math.random,
    state: (service) => store.get(service),
    slots: slotsOf,
    serviceOf: (name) => hosts.get(name) ?? first,
    isService: (name) => services.has(name),
    log,
    isCutting: () => isCutting,
  });
  const control = new Control({
    token: options.token,
    store,
    readBack: (service, ramp) => readBack(service, store.get(service), slotsOf(service), ramp, now()),
  });
  const publicServer = usersServer(users);
  const controlServer = createServer((request, response) => void control.serve(request, response));
  const closeAll = async (drainMs: number): Promise<void> => {
    await Promise.all([closed(publicServer, drainMs, () => (isCutting = true)), closed(controlServer, 0, () => undefined)]);
    // A server counts as closed before the ends of its answers are known.
    await users.whenIdle();
    await Promise.all([...slots.values()].flatMap((both) => SLOTS.map((slot) => both[slot].close())));
    await log.close();
  };
  try {
    const addresses = {
      public: await listening(publicServer, host, options.port),
      control: await listening(controlServer, '127.0.0.1', options.controlPort),
    };
    say(TRYING_OUT);
    return { addresses, close: ({ drainMs = 0 } = {}) => closeAll(drainMs) };
  } catch (error) {
    await closeAll(0);
    throw error;
  }
}

function checkOptions({ token, services }: EdgeOptions): void {
  if (token.length < 16) throw new Error(`the edge's token has ${String(token.length)} characters: expected at least 16`);
  const names = Object.keys(services);
  if (names.length === 0) throw new Error('the edge has no service: expected at least one');
  for (const name of names)
    if (!/^[A-Za-z0-9_-]{1,64}$/.test(name)) throw new Error(`service name "${name}": expected 1 to 64 letters, digits, _ or -`);
}

function serversOf(
  name: string,
  service: EdgeService,
  options: EdgeOptions,
  say: (text: string) => void,
): Readonly<Record<Slot, SlotServer>> {
  const { checkEveryMs = 500, silenceMs = 60_000 } = options;
  const server = (slot: Slot): SlotServer =>
    new SlotServer({
      url: service[slot],
      checkEveryMs,
      silenceMs,
      onChange: (isAlive, reason) => {
        say(`${name}/${slot} is ${isAlive ? 'up' : 'down'}: ${reason}`);
      },
    });
  return { blue: server('blue'), green: server('green') };
}

function usersServer(users: Users): Server {
  const server = createServer((request, response) => {
    users.serve(request, response);
  });
  server.keepAliveTimeout = KEEP_ALIVE_MS;
  server.on('clientError', (error: NodeJS.ErrnoException, socket: Socket) => {
    // A connection that broke within an answer ends that answer; only bytes that never became a request are told here.
    if (error.code === 'ECONNRESET' || !socket.writable) return;
    users.logUnrouted(400);
    socket.end('HTTP/1.1 400 Bad Request\r\nconnection: close\r\ncontent-length: 0\r\n\r\n');
  });
  return server;
}

async function listening(server: Server, host: string, port: number): Promise<Address> {
  server.listen(port, host);
  await once(server, 'listening');
  const address = server.address();
  const taken = typeof address === 'object' && address !== null ? address.port : port;
  return { host, port: taken, url: `http://${host}:${String(taken)}` };
}

async function closed(server: Server, drainMs: number, cut: () => void): Promise<void> {
  if (!server.listening) return;
  const closing = once(server, 'close');
  const rest = setTimeout(() => {
    cut();
    server.closeAllConnections();
  }, drainMs);
  // A kept connection becomes idle when its answer ends, and would keep the server for a minute.
  const idle = setInterval(() => {
    server.closeIdleConnections();
  }, 20);
  server.close();
  await closing;
  clearTimeout(rest);
  clearInterval(idle);
}

function present<T>(value: T | undefined, name: string): T {
  if (value === undefined) throw new Error(`no service "${name}"`);
  return value;
}
