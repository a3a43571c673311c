/**
 * One contestant of `npm run bench:guard`, alone in its process: `server <contestant> <port> <url of Redis>`. All take the same
 * orders at `POST /orders` and have the same handler; the other packages are wired as leanly as they allow. `GET /cost` says what
 * was spent so far.
 */
import { IdempotencyConfig, makeIdempotent } from '@aws-lambda-powertools/idempotency';
import { CachePersistenceLayer } from '@aws-lambda-powertools/idempotency/cache';
import { Idempotency } from '@node-idempotency/core';
import { RedisStorageAdapter } from '@node-idempotency/storage-adapter-redis';
import express, { type Express, type Request, type RequestHandler } from 'express';
import fastify from 'fastify';
import { createClient } from 'redis';
import type * as SluiceGuard from '../../src/guard/index.js';

export interface Cost {
  /** User and system time of this process, in microseconds. */
  readonly cpuUs: number;
  /** How often the handler ran. */
  readonly effects: number;
}

interface Asked {
  readonly key: string | undefined;
  readonly body: unknown;
}

/** Starts to listen, and resolves when it does. */
type Start = () => Promise<unknown>;

// The loader of TypeScript maps the stacks of errors back to it, which is no cost of anybody's product.
process.setSourceMapsEnabled(false);

// As it is shipped.
const built = new URL('../../dist/guard/index.js', import.meta.url).href;
const { expressGuard, fastifyGuard, Guard, guardJob, MemoryStore, nodeRedis, openRedisStore } = (await import(
  built
)) as typeof SluiceGuard;

const [contestant = '', port = '', redisUrl = ''] = process.argv.slice(2);
const RETAIN_MS = 96 * 3_600_000;
let effects = 0;

function carryOut(order: unknown): object {
  const id = `order-${String(++effects)}`;
  const { lines } = order as { readonly lines?: unknown };
  return { id, state: 'accepted', lines, links: { self: `/orders/${id}`, cancel: `/orders/${id}/cancel` } };
}

function cost(): Cost {
  const { user, system } = process.cpuUsage();
  return { cpuUs: user + system, effects };
}

const simple: RequestHandler = (request, response) => {
  response.status(201).json(carryOut(request.body));
};

function listen(handler: RequestHandler, guard?: ReturnType<typeof expressGuard<Request>>): Promise<void> {
  const app: Express = express();
  app.get('/cost', (_request, response) => {
    response.json(cost());
  });
  if (guard !== undefined) app.use(guard);
  app.use(express.json());
  app.post('/orders', handler);
  return new Promise((resolve, reject) => {
    app.listen(Number(port), '127.0.0.1', (error) => {
      if (error === undefined) resolve();
      else reject(error);
    });
  });
}

function listenWithFastify(guard?: ReturnType<typeof fastifyGuard>): Promise<unknown> {
  const app = fastify();
  app.get('/cost', () => cost());
  void app.register(async (orders) => {
    if (guard !== undefined) await orders.register(guard);
    orders.post('/orders', (request, reply) => reply.code(201).send(carryOut(request.body)));
  });
  return app.listen({ port: Number(port), host: '127.0.0.1' });
}

async function openRedis() {
  const client = createClient({ url: redisUrl });
  client.on('error', console.error);
  await client.connect();
  return client;
}

const options = { tenant: () => 'bench' };
const guardOn = (store: SluiceGuard.Store): SluiceGuard.Guard => new Guard({ store, revision: 'green' });

const CONTESTANTS: Readonly<Record<string, Start>> = {
  express: () => listen(simple),
  'express, sluice on memory': () => listen(simple, expressGuard<Request>(guardOn(new MemoryStore()), options)),
  'express, sluice on Redis': async () => {
    const store = await openRedisStore(nodeRedis(await openRedis()));
    await listen(simple, expressGuard<Request>(guardOn(store), options));
  },
  /** The guard around a function, as the other two are used: no bytes of requests and responses to look after. */
  'express, sluice job on Redis': async () => {
    const guard = guardOn(await openRedisStore(nodeRedis(await openRedis())));
    const job = { name: 'order', tenant: () => 'bench', key: ({ key }: Asked) => key ?? '' };
    const order = guardJob(guard, job, ({ body }: Asked) => carryOut(body));
    await listen(async (request, response) => {
      const end = await order({ key: request.get('idempotency-key'), body: request.body });
      if (end.kind === 'not-kept') throw new Error('the order was too large to be kept');
      response.status(201).json(end.result);
    });
  },
  'express, node-idempotency on Redis': async () => {
    const storage = new RedisStorageAdapter({ url: redisUrl });
    await storage.connect();
    const idempotency = new Idempotency(storage, { cacheTTLMS: RETAIN_MS, enforceIdempotency: true });
    await listen(async ({ headers, path, method, body }, response) => {
      const asked = { headers, path, method, body: body as Record<string, unknown> };
      const known = await idempotency.onRequest<object, never>(asked);
      if (known !== undefined) {
        response.status(Number(known.additional?.status)).json(known.body);
        return;
      }
      const answer = carryOut(body);
      await idempotency.onResponse(asked, { body: answer, additional: { status: 201 } });
      response.status(201).json(answer);
    });
  },
  'express, powertools on Redis': async () => {
    // Its comparison of payloads stays off: what this layer writes at the end is without the payload's hash, so no replay passes.
    const config = new IdempotencyConfig({
      eventKeyJmesPath: 'key',
      expiresAfterSeconds: RETAIN_MS / 1_000,
      throwOnNoIdempotencyKey: true,
    });
    // Without it every request would write a warning.
    config.registerLambdaContext({ getRemainingTimeInMillis: () => 10_000 } as Parameters<
      typeof config.registerLambdaContext
    >[0]);
    const persistenceStore = new CachePersistenceLayer({ client: await openRedis() });
    const order = makeIdempotent(({ body }: Asked) => Promise.resolve(carryOut(body)), { persistenceStore, config });
    await listen(async (request, response) => {
      response.status(201).json(await order({ key: request.get('idempotency-key'), body: request.body }));
    });
  },
  fastify: () => listenWithFastify(),
  'fastify, sluice on memory': () => listenWithFastify(fastifyGuard(guardOn(new MemoryStore()), options)),
};

const start = CONTESTANTS[contestant];
if (start === undefined)
  throw new Error(`found the contestant ${contestant}, expected one of: ${Object.keys(CONTESTANTS).join('; ')}`);
await start();
console.log('ready');
