/**
 * The tests' service behind the guard, one process per revision: `POST /orders` has its effect in a Redis that both revisions
 * share, which knows an effect that came before. `/control` is what the referee holds against the proxy's log.
 *
 * Usage: `guarded-service-main.ts '<json of ServiceIdentity>' '<json of GuardedSettings>'`.
 */
import express from 'express';
import { createClient } from 'redis';
import { expressGuard, expressService, nodeRedis, openRedisStore, Service } from '../../src/guard/index.js';
import { HEALTHY, type ServiceIdentity } from '../harness/service-behaviour.js';
import { Ledger } from '../harness/service-ledger.js';

export interface GuardedSettings {
  /** As the rollout calls the service. */
  readonly service: string;
  readonly redis: string;
  /** Of the guard's keys: revisions that differ in it do not know each other's. */
  readonly prefix: string;
}

const identity = JSON.parse(process.argv[2] ?? '{}') as ServiceIdentity;
const settings = JSON.parse(process.argv[3] ?? '{}') as GuardedSettings;
const { releaseId, revision, schemaPins, port } = identity;

const client = createClient({ url: settings.redis });
client.on('error', console.error);
await client.connect();
const service = new Service({ name: settings.service, releaseId, revision, schemaPins });
const guard = service.guard({ store: await openRedisStore(nodeRedis(client), { prefix: settings.prefix }) });
const ledger = new Ledger();

const app = express();
app.get('/control', (_request, response) => {
  response.json({ ...identity, pid: process.pid, behaviour: HEALTHY, ...ledger.report() });
});
app.use(expressService(service));
app.use((request, response, next) => {
  const kind = ledger.kindOf(request.headers['x-route-why']);
  ledger.begin(kind);
  response.once('finish', () => {
    ledger.end(kind, response.statusCode);
  });
  next();
});
app.use(expressGuard(guard, { tenant: () => 'acme' }), express.json());
app.get('/', (_request, response) => {
  response.json({ revision });
});
app.post('/orders', async (request, response) => {
  const order = request.get('idempotency-key') ?? '';
  if ((await client.sAdd('orders', order)) === 0) service.duplicateEffect('/orders');
  response.status(201).json({ order, revision });
});

const server = app.listen(port, '127.0.0.1');
// Longer than the proxy keeps idle connections, or its next request would meet a closing one.
server.keepAliveTimeout = 120_000;
process.on('SIGTERM', () => {
  server.close(() => process.exit(0));
  server.closeIdleConnections();
});

// A test process that is killed outright cannot clean up; its services must not keep their ports.
const parent = process.ppid;
setInterval(() => {
  if (process.ppid !== parent) process.exit(1);
}, 1_000).unref();
