// Orders on Fastify 5. Needs `npm run build`; elsewhere `npm install sluice fastify`.
//   PORT=3000 RELEASE=v2 REVISION=green node examples/orders/fastify.mjs
// With DATABASE_URL the records are shared by every instance and revision; without it they are this process's alone.
import { Readable } from 'node:stream';
import { setTimeout as pause } from 'node:timers/promises';
import fastify from 'fastify';
import { drainOnSigterm, eventStream, fastifyGuard, fastifyService, MemoryStore, openPostgresStore, Service } from 'sluice/guard';

const { PORT = '3000', RELEASE = 'dev', REVISION = 'local', DATABASE_URL } = process.env;
const service = new Service({ name: 'orders', releaseId: RELEASE, revision: REVISION });

let pool;
if (DATABASE_URL !== undefined) {
  const { default: pg } = await import('pg');
  pool = new pg.Pool({ connectionString: DATABASE_URL }).on('error', console.error);
}
const store = pool ? await openPostgresStore(pool, { migrate: true }) : new MemoryStore();

const app = fastify();
await app.register(fastifyService(service)); // first: what stands before it is not counted
await app.register(fastifyGuard(service.guard({ store }), { tenant: () => 'acme' })); // who was authenticated

const orders = [];
app.post('/orders', (request, reply) => {
  orders.push(request.body);
  return reply.code(201).header('location', `/orders/${orders.length}`).send({ order: orders.length });
});
app.get('/orders', () => orders);

async function* ticks(count) {
  for (let tick = 1; tick <= count; tick++) {
    await pause(100);
    yield { event: 'tick', data: tick };
  }
}
app.get('/stream', (request, reply) =>
  reply.type('text/event-stream').send(Readable.from(eventStream(ticks(Number(request.query.count ?? 10))))),
);

await app.listen({ port: Number(PORT), host: '127.0.0.1' });
// For as long as your balancer takes to notice that /readyz says 503.
await drainOnSigterm(service, { server: app.server, settleMs: Number(process.env.SETTLE_MS ?? 5_000) });
await pool?.end();
