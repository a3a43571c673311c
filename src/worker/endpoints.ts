import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Registry } from 'prom-client';
import { whyNotListening } from './listening.js';
import { WorkerConfigurationError } from './options.js';

/** What the process says of itself. */
export interface Health {
  /** Undefined: alive. A reason means that only a new start can help. */
  readonly fatal: () => string | undefined;
  /** Why no work is taken on now; empty: ready. */
  readonly unready: () => Promise<readonly string[]>;
}

export interface Endpoints {
  readonly url: string;
  close(): Promise<void>;
}

/** `/healthz`: restart me. `/readyz`: give me no work. `/metrics`: ours and the SDK's. */
export async function serveEndpoints(
  health: Health,
  registry: Registry,
  sdkMetricsUrl: () => string | undefined,
  { host = '127.0.0.1', port = 0 }: { readonly host?: string; readonly port?: number } = {},
): Promise<Endpoints> {
  const server = createServer((request, response) => {
    answer(request, response).catch((error: unknown) => {
      send(response, 500, 'text/plain', error instanceof Error ? error.message : String(error));
    });
  });
  await listen(server, host, port);
  const { port: taken, address } = server.address() as AddressInfo;
  return { url: `http://${address.includes(':') ? `[${address}]` : address}:${taken}`, close: () => close(server) };

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    switch (new URL(request.url ?? '/', 'http://worker').pathname) {
      case '/healthz': {
        const fatal = health.fatal();
        json(
          response,
          fatal === undefined ? 200 : 503,
          fatal === undefined ? { status: 'alive' } : { status: 'dead', reasons: [fatal] },
        );
        return;
      }
      case '/readyz': {
        const reasons = await health.unready();
        json(
          response,
          reasons.length === 0 ? 200 : 503,
          reasons.length === 0 ? { status: 'ready' } : { status: 'not ready', reasons },
        );
        return;
      }
      case '/metrics':
        send(response, 200, registry.contentType, [await registry.metrics(), await sdkMetrics(sdkMetricsUrl())].join('\n'));
        return;
      default:
        json(response, 404, { status: 'unknown path', known: ['/healthz', '/readyz', '/metrics'] });
    }
  }
}

const SDK_DEADLINE_MS = 2_000;

/** Ours are told whatever the SDK's exporter does. */
async function sdkMetrics(url: string | undefined): Promise<string> {
  if (url === undefined) return '';
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(SDK_DEADLINE_MS) });
    return response.ok ? await response.text() : `# the SDK's metrics answered ${response.status}\n`;
  } catch {
    return "# the SDK's metrics could not be read\n";
  }
}

const json = (response: ServerResponse, status: number, body: object): void => {
  send(response, status, 'application/json', `${JSON.stringify(body)}\n`);
};

function send(response: ServerResponse, status: number, contentType: string, body: string): void {
  response.writeHead(status, { 'content-type': contentType, 'cache-control': 'no-store' });
  response.end(body);
}

/** Of the command line; a program gives `http.host` and `http.port`. */
const SETTLED_BY = { port: '--port, or --metrics-port of sluice dev', host: '--host' };

function listen(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error) => {
      const why = whyNotListening(error, SETTLED_BY);
      reject(new WorkerConfigurationError([`health and metrics cannot be served on ${host}:${port}: ${why}`]));
    });
    server.listen(port, host, resolve);
  });
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => {
      resolve();
    });
    server.closeAllConnections();
  });
}
