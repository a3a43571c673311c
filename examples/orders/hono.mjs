// Orders on Hono, or any handler from Request to Response. Needs `npm run build`; elsewhere `npm install sluice hono`.
//   PORT=3000 RELEASE=v2 REVISION=green node examples/orders/hono.mjs
// The records are this process's alone; see express.mjs and fastify.mjs for stores that instances and revisions share.
import { createServer } from 'node:http';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { setTimeout as pause } from 'node:timers/promises';
import { Hono } from 'hono';
import { drainOnSigterm, eventStream, fetchGuard, fetchService, MemoryStore, Service } from 'sluice/guard';

const { PORT = '3000', RELEASE = 'dev', REVISION = 'local' } = process.env;
const service = new Service({ name: 'orders', releaseId: RELEASE, revision: REVISION });
const guard = service.guard({ store: new MemoryStore() });

const app = new Hono();
const orders = [];
const place = fetchGuard(guard, { tenant: () => 'acme' }, async (_request, context) => {
  orders.push(await context.req.json());
  return context.json({ order: orders.length }, 201, { location: `/orders/${orders.length}` });
});
app.post('/orders', (context) => place(context.req.raw, context));
app.get('/orders', (context) => context.json(orders));

async function* ticks(count) {
  for (let tick = 1; tick <= count; tick++) {
    await pause(100);
    yield { event: 'tick', data: tick };
  }
}
app.get('/stream', (context) => {
  const events = eventStream(ticks(Number(context.req.query('count') ?? 10)));
  return new Response(ReadableStream.from(events), { headers: { 'content-type': 'text/event-stream' } });
});

// Deno, Bun and Workers take this handler as it is; on Node @hono/node-server does, or these lines.
const handler = fetchService(service, app.fetch);
const server = createServer(async (incoming, response) => {
  const { method, url, headers } = incoming;
  const body = method === 'GET' || method === 'HEAD' ? undefined : Readable.toWeb(incoming);
  try {
    const answer = await handler(new Request(`http://${headers.host}${url}`, { method, headers, body, duplex: 'half' }));
    response.setHeaders(answer.headers).statusCode = answer.status;
    if (service.draining.aborted) response.setHeader('connection', 'close');
    await pipeline(answer.body === null ? [] : Readable.fromWeb(answer.body), response);
  } catch (error) {
    response.destroy(error);
  }
}).listen(Number(PORT), '127.0.0.1');

// For as long as your balancer takes to notice that /readyz says 503.
await drainOnSigterm(service, { server, settleMs: Number(process.env.SETTLE_MS ?? 5_000) });
