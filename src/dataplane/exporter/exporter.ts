/**
 * `sluice exporter`: HAProxy's access log in, metrics of each revision out. The router is the most exact source there is: it
 * sees the answers that a dying revision can no longer count, and both revisions stand in one scrape (judge.md §3, §4.3).
 */
import { createServer, type Server, type ServerResponse } from 'node:http';
import { once } from 'node:events';
import { Counter, Gauge, Registry } from 'prom-client';
import { LATENCY_BOUNDS_MS } from '../../domain/latency-bounds.js';
import { SLOTS } from '../../domain/words.js';
import { receiveDatagrams, type Datagrams } from './datagrams.js';
import { parseLogLine } from './log-line.js';
import type { ReleaseLimits } from './releases.js';
import { Traffic } from './traffic.js';

export interface ExporterOptions {
  /** HAProxy's `log <host>:<port> format raw`. 0 takes a free port. */
  readonly udpPort: number;
  /** `/metrics` and `/healthz`. 0 takes a free port. */
  readonly httpPort: number;
  /** 127.0.0.1: who can send lines can make up evidence. */
  readonly host?: string;
  /** Their series exist from the start. Slots: blue and green. */
  readonly services: readonly { readonly name: string; readonly slots?: readonly string[] }[];
  /** Rising upper bounds of the latency buckets in milliseconds; factor 1.1 from 1 ms to 60 s. */
  readonly latencyBoundsMs?: readonly number[];
  /** Media types of streamed answers: text/event-stream and application/x-ndjson (A23). */
  readonly streamedContentTypes?: readonly string[];
  /** 6 h, 8 releases a slot, 8 slots a service, 20 services beyond those named. */
  readonly limits?: Partial<ReleaseLimits>;
  /** An error of the bound UDP socket; a process warning unless told. */
  readonly onError?: (error: Error) => void;
}

export interface Exporter {
  readonly addresses: {
    readonly udp: { readonly host: string; readonly port: number };
    readonly http: { readonly host: string; readonly port: number; readonly url: string };
  };
  close(): Promise<void>;
}

/** Resolves when both ports are open; rejects when one cannot be had, with nothing left open. */
export async function startExporter(options: ExporterOptions): Promise<Exporter> {
  const { host = '127.0.0.1', onError = warn } = options;
  const registry = new Registry();
  const traffic = new Traffic({
    boundsMs: options.latencyBoundsMs ?? LATENCY_BOUNDS_MS,
    streamed: (options.streamedContentTypes ?? ['text/event-stream', 'application/x-ndjson']).map((type) => type.toLowerCase()),
    limits: { retireAfterMs: 6 * 3_600_000, releasesPerSlot: 8, slotsPerService: 8, unknownServices: 20, ...options.limits },
    monotonicMs: () => performance.now(),
  });
  for (const { name, slots = SLOTS } of options.services) traffic.declare(name, slots);
  const datagrams = await receiveDatagrams(host, options.udpPort, linesInto(registry, traffic), onError);
  try {
    describeItself(registry, datagrams);
    const server = createServer((request, response) => {
      const [path, query = ''] = request.url?.split('?') ?? [];
      if (request.method !== 'GET') answer(response, 405, 'text/plain', 'GET only\n');
      else if (path === '/healthz') answer(response, 200, 'text/plain', 'ok\n');
      else if (path === '/metrics') void serveMetrics(registry, traffic, servicesIn(query), response);
      else answer(response, 404, 'text/plain', 'known: /metrics, /healthz\n');
    });
    server.listen(options.httpPort, host);
    await once(server, 'listening');
    const port = portOf(server);
    return {
      addresses: { udp: datagrams.address, http: { host, port, url: `http://${host}:${String(port)}/metrics` } },
      close: async () => {
        await Promise.all([closed(server), datagrams.close()]);
      },
    };
  } catch (error) {
    await datagrams.close();
    throw error;
  }
}

function warn(error: Error): void {
  process.emitWarning(error);
}

/** Every line is counted once, as what became of it. */
function linesInto(registry: Registry, traffic: Traffic): (line: string) => void {
  const lines = new Counter({
    name: 'sluice_exporter_lines_total',
    help: 'Lines received: counted, not-json (health and start-up), no-request (bytes that never became one), invalid, over-cap (too many services or slots).',
    labelNames: ['outcome'],
    registers: [registry],
  });
  for (const outcome of ['counted', 'not-json', 'no-request', 'invalid', 'over-cap']) lines.inc({ outcome }, 0);
  const last = new Gauge({
    name: 'sluice_exporter_last_line_timestamp_seconds',
    help: 'When the last request was received; 0: none yet.',
    registers: [registry],
  });
  return (line) => {
    const parsed = parseLogLine(line);
    if (parsed.kind === 'request') last.set(Date.now() / 1_000);
    const outcome = parsed.kind !== 'request' ? parsed.kind : traffic.record(parsed.request) ? 'counted' : 'over-cap';
    lines.inc({ outcome });
  };
}

/** An exporter without requests (idle) goes on telling the time; a dead one does not (A24). */
function describeItself(registry: Registry, datagrams: Datagrams): void {
  const registers = [registry];
  new Gauge({
    name: 'sluice_exporter_time_seconds',
    help: 'Now, by the clock of the exporter.',
    registers,
    collect() {
      this.set(Date.now() / 1_000);
    },
  });
  new Gauge({ name: 'process_start_time_seconds', help: 'When the counters began.', registers }).set(Date.now() / 1_000);
  new Gauge({
    name: 'sluice_exporter_receive_buffer_bytes',
    help: 'What the system granted for lines not read yet.',
    registers,
  }).set(datagrams.receiveBufferBytes);
  if (datagrams.lost() === undefined) return;
  let known = 0;
  new Counter({
    name: 'sluice_exporter_lines_lost_total',
    help: 'Lines that the system threw away because the receive buffer was full.',
    registers,
    collect() {
      const lost = datagrams.lost() ?? known;
      this.inc(Math.max(0, lost - known));
      known = Math.max(known, lost);
    },
  });
}

/** `?service=a&service=b`: those alone. Hundreds of rollouts read one exporter every tick, each for the sake of one service. */
function servicesIn(query: string): readonly string[] | undefined {
  const services = new URLSearchParams(query).getAll('service');
  return services.length === 0 ? undefined : services;
}

/** The exporter's own metrics stand on every page: its clock tells how fresh the page is. */
async function serveMetrics(
  registry: Registry,
  traffic: Traffic,
  services: readonly string[] | undefined,
  response: ServerResponse,
): Promise<void> {
  try {
    traffic.sweep();
    const pages = await Promise.all([registry.metrics(), traffic.page(services)]);
    answer(response, 200, registry.contentType, pages.join('\n'));
  } catch (error) {
    answer(response, 500, 'text/plain', `${error instanceof Error ? error.message : 'unknown error'}\n`);
  }
}

function answer(response: ServerResponse, status: number, contentType: string, body: string): void {
  response.writeHead(status, { 'content-type': contentType, 'cache-control': 'no-store' }).end(body);
}

function portOf(server: Server): number {
  const address = server.address();
  return typeof address === 'object' && address !== null ? address.port : 0;
}

async function closed(server: Server): Promise<void> {
  const closing = once(server, 'close');
  server.close();
  server.closeAllConnections();
  await closing;
}
