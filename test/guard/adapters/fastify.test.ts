import assert from 'node:assert/strict';
import { PassThrough, Readable } from 'node:stream';
import { test } from 'node:test';
import { createGzip } from 'node:zlib';
import fastify, { type FastifyInstance, type FastifyReply } from 'fastify';
import { fastifyGuard } from '../../../src/guard/adapters/fastify.js';
import { until } from '../../harness/until.js';
import { bench } from '../support.js';
import {
  adapterConformance,
  layersStay,
  SAID_BEFORE,
  BINARY,
  EVENT_STREAM,
  itemOf,
  LARGE,
  tenantFrom,
  type AdapterStage,
  type StageOptions,
} from './conformance.js';

const tenant = (request: { headers: NodeJS.Dict<string | string[]> }): string => tenantFrom(request.headers['x-tenant']);

async function serve(app: FastifyInstance): Promise<AdapterStage> {
  const url = await app.listen({ host: '127.0.0.1', port: 0 });
  return { send: (path, init) => fetch(`${url}${path}`, init), stop: () => app.close() };
}

async function service({ guard, service, mode }: StageOptions): Promise<FastifyInstance> {
  const app = fastify({ forceCloseConnections: true });
  await app.register(async (scope) => {
    await scope.register(fastifyGuard(guard, { tenant, mode, meaning: (_request, bytes) => itemOf(bytes) }));
    scope.post('/meaning', () => String(service.effect()));
  });
  await app.register(async (scope) => {
    await scope.register(fastifyGuard(guard, { tenant, mode }));
    scope.get('/orders', () => []);
    scope.post('/orders', (request, reply) => {
      assert.deepEqual(request.body, { item: 1 });
      const order = service.effect();
      return reply
        .code(201)
        .header('location', `/orders/${String(order)}`)
        .header('set-cookie', 'session=1')
        .send({ order });
    });
    scope.post('/slow', async (_request, reply) => {
      const order = service.effect();
      service.entered.open();
      await service.slow;
      return reply.type('text/plain').send(`slow ${String(order)}`);
    });
    scope.post('/empty', (_request, reply) => {
      service.effect();
      return reply.code(204).send();
    });
    scope.post('/bad', (_request, reply) => {
      service.effect();
      return reply.code(400).type('application/vnd.orders+json').send('{"why":"<no>"}');
    });
    scope.post('/broken', () => {
      service.effect();
      throw new Error('broken');
    });
    scope.post('/binary', (_request, reply) => {
      service.effect();
      return reply.type('application/octet-stream').send(Readable.from([BINARY.subarray(0, 100), BINARY.subarray(100)]));
    });
    scope.post('/large', (_request, reply) => {
      service.effect();
      return reply.send(LARGE);
    });
    scope.post('/forged', (_request, reply) => {
      service.effect();
      return reply.header('Idempotent-Replayed', 'true').send('fresh');
    });
    scope.post('/stream', (_request, reply) => {
      service.effect();
      async function* pieces(): AsyncGenerator<string> {
        yield 'data: 1\n\n';
        await service.streaming;
        yield 'data: 2\n\n';
      }
      return reply.type(EVENT_STREAM).send(Readable.from(pieces(), { objectMode: false }));
    });
  });
  return app;
}

adapterConformance('fastify', async (options) => serve(await service(options)), { stream: true });

const post = (key: string, body: string): RequestInit => ({
  method: 'POST',
  body,
  headers: { 'content-type': 'application/json', 'idempotency-key': key },
});

test('Fastify’s own limit on bodies holds, and nothing is claimed', async () => {
  const { guard, store } = bench();
  const app = fastify({ bodyLimit: 100 });
  await app.register(fastifyGuard(guard, { tenant }));
  app.post('/', () => assert.fail('it ran'));
  const { send, stop } = await serve(app);
  assert.equal((await send('/', post('k', JSON.stringify('x'.repeat(1_000))))).status, 413);
  assert.deepEqual(store.calls, []);
  await stop();
});

test('the route’s pattern is the scope, and hooks that authenticate come first', async () => {
  const { guard } = bench();
  const app = fastify();
  app.addHook('onRequest', async (request) => {
    request.headers['x-tenant'] = 'authenticated';
    await Promise.resolve();
  });
  const tenants = new Set<string>();
  await app.register(
    fastifyGuard(guard, {
      tenant: (request) => {
        tenants.add(tenant(request));
        return tenant(request);
      },
    }),
  );
  app.post<{ Params: { id: string } }>('/orders/:id/pay', (request) => request.params.id);
  const { send, stop } = await serve(app);
  assert.equal(await (await send('/orders/1/pay', post('k', '{}'))).text(), '1');
  assert.equal((await send('/orders/2/pay', post('k', '{}'))).status, 422);
  assert.deepEqual([...tenants], ['authenticated']);
  await stop();
});

test('what the layers around the guard say stays on a replay and on a refusal; what makes the answer is the record’s alone', async () => {
  const { guard, store } = bench();
  const app = fastify();
  app.addHook('onRequest', async (_request, reply) => {
    reply.headers(SAID_BEFORE);
    await Promise.resolve();
  });
  await app.register(fastifyGuard(guard, { tenant }));
  app.post('/', (_request, reply) =>
    reply.code(201).headers({ 'x-of-handler': 'yes', location: '/o/1' }).removeHeader('etag').send('made'),
  );
  const stage = await serve(app);
  await layersStay(stage, store);
  await stage.stop();
});

test('a scope within a guarded one that is guarded too guards once', async () => {
  const { guard } = bench();
  const app = fastify();
  await app.register(fastifyGuard(guard, { tenant }));
  await app.register(async (scope) => {
    await scope.register(fastifyGuard(guard, { tenant }));
    scope.post('/', () => 'once');
  });
  const { send, stop } = await serve(app);
  for (let times = 0; times < 2; times++) assert.equal(await (await send('/', post('k', '{}'))).text(), 'once');
  await stop();
});

test('an answer that Fastify or Node would refuse to send is an error of the handler, and nothing is sealed', async () => {
  const { guard, store } = bench();
  const app = fastify();
  await app.register(fastifyGuard(guard, { tenant }));
  app.post<{ Body: { name: string } }>('/header', (request, reply) =>
    reply.header('x-name', request.body.name).header('x-other', request.body.name).send('hello'),
  );
  app.post('/name', (_request, reply) => reply.header('a b', '1').send('hello'));
  app.post('/payload', (_request, reply) => reply.type('text/plain').send({ no: 'text' }));
  const { send, stop } = await serve(app);
  for (const path of ['/header', '/name', '/payload']) {
    assert.equal((await send(path, post('k', '{"name":"a\\nb"}'))).status, 500);
    const again = (await (await send(path, post('k', '{"name":"a\\nb"}'))).json()) as { type: string };
    assert.equal(again.type, 'urn:sluice:guard:unknown');
  }
  assert.ok(!store.calls.includes('complete'));
  await stop();
});

test('a second answer, while the first is being sealed, is heard by nobody: neither the client nor its retry', async () => {
  const { guard, store } = bench({ storeTimeoutMs: 5_000 });
  store.faults.complete = 'late';
  const app = fastify();
  await app.register(fastifyGuard(guard, { tenant }));
  app.post('/forgets', async (_request, reply) => {
    void reply.code(201).send('first');
    await Promise.resolve();
  });
  app.post('/returns', async (_request, reply) => {
    void reply.code(201).send('first');
    await Promise.resolve();
    return 'second';
  });
  app.post('/throws', async (_request, reply) => {
    void reply.code(201).header('location', '/o/1').send('first');
    await Promise.resolve();
    throw new Error('too late');
  });
  const { send, stop } = await serve(app);
  for (const path of ['/forgets', '/returns', '/throws']) {
    store.calls.length = 0;
    const first = send(path, post('k', '{}'));
    await until(() => store.calls.includes('complete'), { withinMs: 5_000, what: 'the record' });
    // Whoever answers a second time does so before the store has answered.
    await new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
    store.answer();
    for (const answer of [await first, await send(path, post('k', '{}'))])
      assert.deepEqual(
        [answer.status, await answer.text(), answer.headers.get('location')],
        [201, 'first', path === '/throws' ? '/o/1' : null],
        path,
      );
  }
  await stop();
});

test('a second answer takes nothing from a refusal either, and brings back no forged head', async () => {
  const { guard, store } = bench({ storeTimeoutMs: 5_000 });
  const app = fastify();
  await app.register(fastifyGuard(guard, { tenant }));
  app.post('/', async (_request, reply) => {
    void reply.code(201).headers({ location: '/o/1', 'idempotent-replayed': 'true' }).send('first');
    await Promise.resolve();
    throw new Error('too late');
  });
  const { send, stop } = await serve(app);
  for (const [key, fault, said] of [
    ['sealed', 'late', [201, '/o/1', null]],
    ['unsealed', 'fails', [503, null, null]],
  ] as const) {
    store.faults.complete = fault;
    store.calls.length = 0;
    const first = send('/', post(key, '{}'));
    await until(() => store.calls.includes('complete'), { withinMs: 5_000, what: 'the record' });
    await new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
    store.answer();
    const { status, headers } = await first;
    assert.deepEqual([status, headers.get('location'), headers.get('idempotent-replayed')], said, key);
  }
  await stop();
});

test('a stream’s head is kept as the handler said it, whatever hooks after the guard make of it', async () => {
  const { guard } = bench();
  const app = fastify();
  await app.register(fastifyGuard(guard, { tenant }));
  const onSend = (
    _request: unknown,
    reply: FastifyReply,
    payload: unknown,
    done: (error: null, payload: unknown) => void,
  ): void => {
    const isStream = payload instanceof Readable;
    if (isStream) reply.header('content-encoding', 'gzip');
    done(null, isStream ? payload.pipe(createGzip()) : payload);
  };
  app.post('/', { onSend }, (_request, reply) => reply.type('text/plain').send(Readable.from(['hel', 'lo'])));
  const { send, stop } = await serve(app);
  const [first, again] = [await send('/', post('k', '{}')), await send('/', post('k', '{}'))];
  assert.equal(await first.text(), 'hello');
  assert.deepEqual([again.headers.get('content-encoding'), await again.text()], [null, 'hello']);
  await stop();
});

test('a source that is closed before its end cuts the answer and leaves the outcome unknown', { timeout: 30_000 }, async () => {
  const { guard } = bench();
  const app = fastify();
  await app.register(fastifyGuard(guard, { tenant }));
  app.post('/', () => {
    const source = new PassThrough();
    source.write('abc');
    source.once('resume', () => setImmediate(() => source.destroy()));
    return source;
  });
  const { send, stop } = await serve(app);
  await assert.rejects(async () => (await send('/', post('k', '{}'))).text(), TypeError);
  const again = (await (await send('/', post('k', '{}'))).json()) as { type: string };
  assert.equal(again.type, 'urn:sluice:guard:unknown');
  await stop();
});

test('whatever Fastify takes for an answer comes back as it was: nothing, a redirect, a Response, what only pipes', async () => {
  const { guard } = bench();
  const app = fastify();
  await app.register(fastifyGuard(guard, { tenant }));
  app.post('/nothing', (_request, reply) => reply.code(201).header('location', '/o/1').send());
  app.post('/redirect', (_request, reply) => reply.redirect('/o/1', 303));
  app.post('/response', () => new Response('hello', { status: 201, headers: { location: '/o/1' } }));
  app.post('/no-body', () => new Response(null, { status: 202, headers: { location: '/o/1' } }));
  app.post('/web-stream', (_request, reply) => reply.type('text/plain').send(new Blob(['hello']).stream()));
  app.post('/pipes', (_request, reply) => {
    const readable = Readable.from(['hel', 'lo']);
    return reply.type('text/plain').send({ pipe: readable.pipe.bind(readable), on: readable.on.bind(readable) });
  });
  const { send, stop } = await serve(app);
  for (const [path, status, body] of [
    ['/nothing', 201, ''],
    ['/redirect', 303, ''],
    ['/response', 201, 'hello'],
    ['/no-body', 202, ''],
    ['/web-stream', 200, 'hello'],
    ['/pipes', 200, 'hello'],
  ] as const) {
    const said: unknown[] = [];
    for (const replayed of [null, 'true']) {
      const answer = await send(path, { ...post('k', '{}'), redirect: 'manual' });
      assert.deepEqual([answer.status, await answer.text()], [status, body], path);
      assert.equal(answer.headers.get('idempotent-replayed'), replayed, path);
      said.push([answer.headers.get('content-type'), answer.headers.get('location')]);
    }
    assert.deepEqual(said[1], said[0], path);
  }
  await stop();
});

test('a client that leaves a stream ends it, and the retry is told at once that the outcome is unknown', async () => {
  const { guard, store } = bench();
  const app = fastify();
  await app.register(fastifyGuard(guard, { tenant }));
  let ended = false;
  app.post('/', (_request, reply) => {
    const stream = new Readable({ read: () => undefined }).once('close', () => (ended = true));
    stream.push('data: 1\n\n');
    return reply.type(EVENT_STREAM).send(stream);
  });
  const { send, stop } = await serve(app);
  const abort = new AbortController();
  const answer = await send('/', { ...post('k', '{}'), signal: abort.signal });
  await answer.body!.getReader().read();
  abort.abort();
  await until(() => ended, { withinMs: 5_000, what: 'the end of the stream' });
  await until(() => store.calls.includes('renew'), { withinMs: 5_000, what: 'the end of the lease' });
  assert.ok(!store.calls.includes('complete'));
  assert.equal(((await (await send('/', post('k', '{}'))).json()) as { type: string }).type, 'urn:sluice:guard:unknown');
  await stop();
});
