/** A real HTTP server whose next answers a test decides. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';

export type Handler = (request: IncomingMessage, response: ServerResponse) => void;

export class MetricsServer {
  /** How many requests arrived. */
  requests = 0;
  readonly #server;

  private constructor(public handler: Handler) {
    this.#server = createServer((request, response) => {
      this.requests++;
      this.handler(request, response);
    });
  }

  static async start(handler: Handler): Promise<MetricsServer> {
    const server = new MetricsServer(handler);
    server.#server.listen(0, '127.0.0.1');
    await once(server.#server, 'listening');
    return server;
  }

  get url(): string {
    return `http://127.0.0.1:${String((this.#server.address() as AddressInfo).port)}/metrics`;
  }

  /** From now on answers 200 with this text. */
  serve(text: string, headers: Readonly<Record<string, string>> = {}): void {
    this.handler = (_request, response) => {
      response.writeHead(200, { 'content-type': 'text/plain; version=0.0.4', ...headers }).end(text);
    };
  }

  async stop(): Promise<void> {
    const closed = once(this.#server, 'close');
    this.#server.close();
    this.#server.closeAllConnections();
    await closed;
  }
}

/** The exporter's page, as far as a reading looks at it; counts by slot. */
export function exporterPage(facts: {
  readonly timeS?: number;
  readonly startS?: number;
  readonly slots: Readonly<
    Record<
      string,
      {
        readonly release?: string;
        readonly ok?: number;
        readonly failed?: number;
        readonly cut?: number;
        readonly buckets?: readonly number[];
      }
    >
  >;
}): string {
  const lines = [
    '# TYPE sluice_requests_total counter',
    '# TYPE sluice_streams_cut_total counter',
    '# TYPE sluice_latency_seconds histogram',
  ];
  if (facts.timeS !== undefined) lines.push(`sluice_exporter_time_seconds ${String(facts.timeS)}`);
  if (facts.startS !== undefined) lines.push(`process_start_time_seconds ${String(facts.startS)}`);
  for (const [slot, { release = '', ok = 0, failed = 0, cut = 0, buckets = [0, 0, 0] }] of Object.entries(facts.slots)) {
    const labels = `service="app",revision="${slot}",release_id="${release}"`;
    lines.push(
      `sluice_requests_total{${labels},role="stable",code="2xx"} ${String(ok)}`,
      `sluice_requests_total{${labels},role="stable",code="5xx"} ${String(failed)}`,
      `sluice_streams_cut_total{${labels},role="stable",by="server"} ${String(cut)}`,
      ...['0.1', '0.11', '+Inf'].map(
        (le, index) => `sluice_latency_seconds_bucket{${labels},le="${le}"} ${String(buckets[index] ?? 0)}`,
      ),
    );
  }
  return `${lines.join('\n')}\n`;
}
