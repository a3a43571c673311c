// Orders on Express 5. Needs `npm run build`; elsewhere `npm install sluice express`.
//   PORT=3000 RELEASE=v2 REVISION=green node examples/orders/express.mjs
// With REDIS_URL the records are shared by every instance and revision; without it they are this process's alone.
import { pipeline, Readable } from 'node:stream';
import { setTimeout as pause } from 'node:timers/promises';
import express from 'express';
import {
  drainOnSigterm,
  eventStream,
  expressGuard,
  expressService,
  MemoryStore,
  nodeRedis,
  openRedisStore,
  Service,
} from 'sluice/guard';

const { PORT = '3000', RELEASE = 'dev', REVISION = 'local', REDIS_URL } = process.env;
const service = new Service({ name: 'orders', releaseId: RELEASE, revision: REVISION });

let redis;
if (REDIS_URL !== undefined) {
  const { createClient } = await import('redis');
  redis = createClient({ url: REDIS_URL }).on('error', console.error);
  await redis.connect();
}
const store = redis ? await openRedisStore(nodeRedis(redis)) : new MemoryStore();
const guard = service.guard({ store });

const app = express();
app.use(expressService(service)); // first: what stands before it is not counted
app.use(expressGuard(guard, { tenant: () => 'acme' })); // who was authenticated
app.use(express.json());

const orders = [];
app.post('/orders', (request, response) => {
  orders.push(request.body);
  response.status(201).location(`/orders/${orders.length}`).json({ order: orders.length });
});
app.get('/orders', (_request, response) => void response.json(orders));

async function* ticks(count) {
  for (let tick = 1; tick <= count; tick++) {
    await pause(100);
    yield { event: 'tick', data: tick };
  }
}
app.get('/stream', (request, response) => {
  const events = eventStream(ticks(Number(request.query.count ?? 10)));
  pipeline(Readable.from(events), response.type('text/event-stream'), () => undefined); // closes the source of who leaves
});

const server = app.listen(Number(PORT), '127.0.0.1');
// For as long as your balancer takes to notice that /readyz says 503.
await drainOnSigterm(service, { server, settleMs: Number(process.env.SETTLE_MS ?? 5_000) });
await redis?.close();
