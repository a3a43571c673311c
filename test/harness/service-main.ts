/**
 * A small service as its own process, one per revision: what a rollout moves users between. Its behaviour is set over
 * `/control` while it runs, so that a test makes a revision bad at the moment it chooses.
 *
 * Usage: `service-main.ts '<json of ServiceIdentity and port>'`.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { ServiceMetrics } from './service-metrics.js';
import { HEALTHY, RecentRate, decideError, type Behaviour, type ServiceIdentity } from './service-behaviour.js';
import { Ledger } from './service-ledger.js';
import { serveStream } from './service-stream.js';

const identity = JSON.parse(process.argv[2] ?? '{}') as ServiceIdentity;
const ledger = new Ledger();
const metrics = new ServiceMetrics(identity);
const rate = new RecentRate();
let behaviour: Behaviour = HEALTHY;

const server = createServer((request, response) => {
  void answer(request, response).catch((error: unknown) => {
    response.destroy(error instanceof Error ? error : new Error(String(error)));
  });
});

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const url = new URL(request.url ?? '/', 'http://service');
  response.setHeader('x-revision', identity.revision);
  switch (url.pathname) {
    case '/healthz':
      json(response, 200, { ok: true });
      return;
    case '/.well-known/release':
      json(response, 200, {
        releaseId: identity.releaseId,
        revision: identity.revision,
        schemaPins: identity.schemaPins,
        ready: behaviour.ready,
      });
      return;
    case '/metrics':
      response.setHeader('content-type', metrics.contentType);
      response.end(await metrics.text());
      return;
    case '/control':
      await control(request, response);
      return;
    default:
      await serve(url, request, response);
  }
}

/** GET: the counts, and what is set. POST: sets the fields that the body has. */
async function control(request: IncomingMessage, response: ServerResponse): Promise<void> {
  if (request.method === 'POST') {
    const pieces: Buffer[] = [];
    for await (const piece of request) pieces.push(piece as Buffer);
    behaviour = { ...behaviour, ...(JSON.parse(Buffer.concat(pieces).toString('utf8')) as Partial<Behaviour>) };
  }
  json(response, 200, { ...identity, pid: process.pid, behaviour, ...ledger.report() });
}

/** Everything else is the service's own work: an answer or a stream. */
async function serve(url: URL, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const begun = performance.now();
  const kind = ledger.kindOf(request.headers['x-route-why']);
  const requestNumber = ledger.begin(kind);
  const latencyMs = behaviour.latencyMs + Math.random() * behaviour.jitterMs;
  if (latencyMs > 0) await new Promise((resolve) => setTimeout(resolve, latencyMs));
  const status = decideError(behaviour.errors, kind, requestNumber, rate.count(performance.now()));
  const done = (): void => {
    ledger.end(kind, status);
    metrics.observe(kind, status, (performance.now() - begun) / 1_000);
  };
  if (status === 200 && url.pathname === '/stream') {
    const seconds = Number(url.searchParams.get('s') ?? '1');
    done();
    serveStream(response, ledger.openStream(kind), { revision: identity.revision, seconds });
    return;
  }
  json(response, status, { name: identity.name, revision: identity.revision, releaseId: identity.releaseId });
  done();
}

function json(response: ServerResponse, status: number, body: unknown): void {
  const text = JSON.stringify(body);
  // A sized body, so that the proxy can tell a whole answer from a cut one.
  response.writeHead(status, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) });
  response.end(text);
}

// Longer than the proxy keeps idle connections, or its next request would meet a closing one.
server.keepAliveTimeout = 120_000;
server.listen(identity.port, '127.0.0.1');

process.on('SIGTERM', () => {
  // A service that is asked to go finishes its streams first (R16); whoever is in a hurry sends SIGKILL.
  server.close(() => process.exit(0));
  server.closeIdleConnections();
  setInterval(() => {
    server.closeIdleConnections();
  }, 50);
});

// A test process that is killed outright cannot clean up; its services must not keep their ports.
const parent = process.ppid;
setInterval(() => {
  if (process.ppid !== parent) process.exit(1);
}, 1_000).unref();
