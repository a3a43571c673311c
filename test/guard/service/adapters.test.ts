/** What the world sees of an instance, the same through every adapter. */
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { Readable } from 'node:stream';
import { test } from 'node:test';
import express from 'express';
import fastify from 'fastify';
import { Hono } from 'hono';
import { expressGuard } from '../../../src/guard/adapters/express.js';
import { fastifyGuard } from '../../../src/guard/adapters/fastify.js';
import { fetchGuard } from '../../../src/guard/adapters/fetch.js';
import { lambdaGuard, type LambdaEvent } from '../../../src/guard/adapters/lambda.js';
import type { LambdaAnswer } from '../../../src/guard/adapters/lambda-answer.js';
import type { Guard } from '../../../src/guard/guard.js';
import { eventStream } from '../../../src/guard/service/event-stream.js';
import { fastifyService } from '../../../src/guard/service/fastify.js';
import { fetchService } from '../../../src/guard/service/fetch.js';
import { lambdaService, type InvocationReport } from '../../../src/guard/service/lambda.js';
import { expressService, serviceEndpoints } from '../../../src/guard/service/node.js';
import { Service } from '../../../src/guard/service/service.js';
import { MemoryStore } from '../../../src/guard/stores/memory.js';
import { until } from '../../harness/until.js';
import { gate } from '../support.js';

const IDENTITY = { name: 'orders', releaseId: 'v2', revision: 'green' };
const PINS = { schemaRev: 7, indexHash: 'i', modelTag: 'm' };
const tenant = (): string => 'acme';

interface Play {
  readonly service: Service;
  readonly guard: Guard;
  /** `GET /stream` sends its second event after it; `GET /broken-stream` breaks then. */
  readonly more: ReturnType<typeof gate<void>>;
  /** What is wrong with the model; empty: nothing. */
  model: string;
}

interface Stage {
  readonly send: (path: string, init?: RequestInit) => Promise<Response>;
  readonly stop: () => Promise<void>;
}

async function* words({ more }: Play): AsyncGenerator<{ readonly data: string }> {
  yield { data: 'one' };
  await more.opened;
  yield { data: 'two' };
}

async function* broken(play: Play): AsyncGenerator<{ readonly data: string }> {
  yield { data: 'one' };
  await play.more.opened;
  throw new Error('the model is gone');
}

async function onExpress(play: Play): Promise<Stage> {
  const { service, guard } = play;
  const app = express();
  app.use(expressService(service));
  app.use(expressGuard(guard, { tenant }));
  app.get('/ok', (_request, response) => void response.json({ ok: true }));
  app.get('/other', (_request, response) => void response.set('X-Revision', 'blue').end());
  app.get('/bad', () => {
    throw new Error('bad');
  });
  app.post('/orders', (_request, response) => void response.status(201).json({ made: true }));
  app.get('/stream', (_request, response) => {
    Readable.from(eventStream(words(play))).pipe(response.writeHead(200, { 'Content-Type': 'text/event-stream' }));
  });
  app.get('/broken-stream', (_request, response) => {
    const stream = Readable.from(eventStream(broken(play)));
    stream.once('error', (error) => response.destroy(error));
    stream.pipe(response.type('text/event-stream'));
  });
  app.use((_error: unknown, _request: unknown, response: express.Response, _next: unknown) => void response.status(500).end());
  const server = createServer(app as unknown as () => void).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    send: (path, init) => fetch(`http://127.0.0.1:${port}${path}`, init),
    stop: async () => {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

async function onFastify(play: Play): Promise<Stage> {
  const { service, guard } = play;
  const app = fastify({ forceCloseConnections: true });
  await app.register(fastifyService(service));
  await app.register(fastifyGuard(guard, { tenant }));
  app.get('/ok', () => ({ ok: true }));
  app.get('/other', (_request, reply) => reply.header('X-Revision', 'blue').send());
  app.get('/bad', () => {
    throw new Error('bad');
  });
  app.post('/orders', (_request, reply) => reply.code(201).send({ made: true }));
  app.get('/stream', (_request, reply) => reply.type('text/event-stream').send(Readable.from(eventStream(words(play)))));
  app.get('/broken-stream', (_request, reply) => reply.type('text/event-stream').send(Readable.from(eventStream(broken(play)))));
  const url = await app.listen({ host: '127.0.0.1', port: 0 });
  return { send: (path, init) => fetch(`${url}${path}`, init), stop: () => app.close() };
}

function onHono(play: Play): Promise<Stage> {
  const { service, guard } = play;
  const app = new Hono();
  const sent = (source: AsyncIterable<{ readonly data: string }>): Response =>
    new Response(ReadableStream.from(eventStream(source)), { headers: { 'content-type': 'text/event-stream' } });
  app.get('/ok', (context) => context.json({ ok: true }));
  app.get('/other', (context) => context.body(null, 200, { 'X-Revision': 'blue' }));
  app.get('/bad', () => {
    throw new Error('bad');
  });
  app.onError((_error, context) => context.text('bad', 500));
  const orders = fetchGuard(guard, { tenant }, () => Response.json({ made: true }, { status: 201 }));
  app.post('/orders', (context) => orders(context.req.raw));
  app.get('/stream', () => sent(words(play)));
  app.get('/broken-stream', () => sent(broken(play)));
  const handler = fetchService(service, app.fetch);
  return Promise.resolve({
    send: (path, init) => handler(new Request(`http://service${path}`, init)),
    stop: () => Promise.resolve(),
  });
}

function onLambda({ service, guard }: Play, report?: (report: InvocationReport) => void): Promise<Stage> {
  const orders = lambdaGuard(guard, { tenant }, () =>
    Promise.resolve({ statusCode: 201, headers: { 'content-type': 'application/json' }, body: '{"made":true}' }),
  );
  const handler = lambdaService(
    service,
    async (event: LambdaEvent, context: unknown) => {
      switch (event.rawPath) {
        case '/ok':
          return { statusCode: 200, headers: { 'content-type': 'application/json' }, body: '{"ok":true}' };
        case '/other':
          return { statusCode: 200, headers: { 'X-Revision': 'blue' }, body: '' };
        case '/bad':
          return { statusCode: 500 };
        case '/plain':
          return { plain: true };
        case '/throws':
          throw new Error('thrown');
        default:
          return orders(event, context);
      }
    },
    report === undefined ? {} : { report },
  );
  return Promise.resolve({
    send: async (path, { method = 'GET', headers = {}, body } = {}) => {
      const event = {
        rawPath: path,
        rawQueryString: '',
        requestContext: { http: { method } },
        headers: headers as Record<string, string>,
        ...(typeof body === 'string' ? { body } : {}),
      };
      const answer = await handler(event, undefined);
      const { statusCode, headers: said = {}, body: text = '' } = answer as LambdaAnswer;
      return new Response(text, { status: statusCode, headers: said as Record<string, string> });
    },
    stop: () => Promise.resolve(),
  });
}

const STAGES = { Express: onExpress, Fastify: onFastify, Hono: onHono, Lambda: onLambda };

function playOn(
  start: (play: Play) => Promise<Stage>,
  options: { readonly warmUp?: boolean } = {},
): { readonly play: Play; readonly stage: Promise<Stage> } {
  const play: Partial<Play> & { model: string } = { model: '' };
  const fine = (): void => undefined;
  const warmUp = {
    cache: fine,
    secrets: fine,
    vectors: fine,
    model: () => {
      if (play.model !== '') throw new Error(play.model);
    },
  };
  const service = new Service({ ...IDENTITY, schemaPins: PINS, ...(options.warmUp === true ? { warmUp } : {}) });
  const whole = Object.assign(play, { service, guard: service.guard({ store: new MemoryStore() }), more: gate() });
  return { play: whole, stage: start(whole) };
}

async function counted(service: Service, name: string): Promise<number> {
  const found = (await service.metrics.text()).split('\n').filter((line) => line.startsWith(`sluice_guard_${name}`));
  assert.ok(found.length > 0, `no series ${name}`);
  return found.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' ') + 1)), 0);
}
const OURS = 'service="orders",release_id="v2",revision="green"';
const requests = (service: Service, code: string): Promise<number> => counted(service, `requests_total{${OURS},code="${code}"`);

for (const [name, start] of Object.entries(STAGES)) {
  const play = (
    title: string,
    body: (stage: Stage, play: Play) => Promise<void>,
    options: { readonly warmUp?: boolean } = {},
  ): void => {
    test(`${name}: ${title}`, { timeout: 60_000 }, async () => {
      const { play: at, stage } = playOn(start, options);
      const running = await stage;
      try {
        await body(running, at);
      } finally {
        at.more.open();
        await running.stop();
      }
    });
  };

  play('the identity endpoint says who runs, since when, whether it is ready, and which parts are on', async ({ send }) => {
    const response = await send('/.well-known/release');
    assert.equal(response.status, 200);
    assert.equal(response.headers.get('cache-control'), 'no-store');
    const { startedAt, ...identity } = (await response.json()) as Record<string, unknown>;
    assert.deepEqual(identity, {
      releaseId: 'v2',
      revision: 'green',
      schemaPins: PINS,
      ready: true,
      coldStart: true,
      parts: ['metrics', 'idempotency'],
    });
    assert.equal(startedAt, new Date(performance.timeOrigin).toISOString());
  });

  play('every answer names release and revision, also a refusal, a replay, an error and one of nobody', async ({ send }) => {
    const write = { method: 'POST', body: '{}', headers: { 'content-type': 'application/json', 'idempotency-key': 'k' } };
    const paths: [string, RequestInit | undefined, number | undefined][] = [
      ['/ok', undefined, 200],
      ['/bad', undefined, 500],
      ['/.well-known/release', undefined, 200],
      ['/metrics', undefined, 200],
      ['/orders', write, 201],
      ['/orders', write, 201],
      ['/orders', { method: 'POST', body: '{}' }, 400],
    ];
    if (name !== 'Lambda') paths.push(['/nobody', undefined, 404]);
    for (const [path, init, status] of paths) {
      const response = await send(path, init);
      assert.equal(response.status, status, path);
      assert.equal(response.headers.get('x-release-id'), 'v2', path);
      assert.equal(response.headers.get('x-revision'), 'green', path);
      await response.arrayBuffer();
    }
  });

  play('an answer that another revision gave keeps its name', async ({ send }) => {
    assert.equal((await send('/other')).headers.get('x-revision'), 'blue');
  });

  play(
    'users’ requests are counted by class, the first as a cold start and outside of the latencies',
    async ({ send }, { service }) => {
      for (const path of ['/ok', '/ok', '/bad', '/ok']) await (await send(path)).arrayBuffer();
      await until(async () => (await requests(service, '2xx')) === 3, { withinMs: 5_000, what: 'the last answer to be counted' });
      assert.equal(await requests(service, '5xx'), 1);
      assert.equal(await counted(service, 'cold_starts_total{'), 1);
      assert.equal(await counted(service, 'latency_seconds_count{'), 3);
      assert.equal(service.identity().coldStart, false);
    },
  );

  play('probes that a pin brought and the endpoints are in no user metric', async ({ send }, { service }) => {
    for (const why of ['pin', 'relpin']) await (await send('/ok', { headers: { 'x-route-why': why } })).arrayBuffer();
    for (const path of ['/.well-known/release', '/metrics', '/readyz']) await (await send(path)).arrayBuffer();
    await until(async () => (await counted(service, 'pinned_requests_total{')) === 2, { withinMs: 5_000, what: 'both probes' });
    assert.equal(await counted(service, 'requests_total{'), 0);
    assert.equal(await counted(service, 'latency_seconds_count{'), 0);
    assert.equal(await counted(service, 'cold_starts_total{'), 0);
  });

  play('what the guard does is counted in the same metrics', async ({ send }, { service }) => {
    const write = { method: 'POST', body: '{}', headers: { 'content-type': 'application/json', 'idempotency-key': 'k' } };
    for (let attempt = 0; attempt < 3; attempt++) await send('/orders', write);
    const kind = (one: string): Promise<number> => counted(service, `events_total{${OURS},kind="${one}"`);
    assert.equal(await kind('executed'), 1);
    assert.equal(await kind('replayed'), 2);
  });

  play(
    'the warm path runs the four checks, names the one that fails, and the instance is ready when all have passed',
    async ({ send }, at) => {
      at.model = 'no weights';
      const failing = await send('/internal/warm');
      assert.equal(failing.status, 503);
      assert.deepEqual(await failing.json(), { cache: 'ok', model: 'no weights', secrets: 'ok', vectors: 'ok' });
      assert.equal((await send('/readyz')).status, 503);
      assert.equal(at.service.identity().ready, false);
      at.model = '';
      const passed = await send('/internal/warm');
      assert.equal(passed.status, 200);
      assert.deepEqual(await passed.json(), { cache: 'ok', model: 'ok', secrets: 'ok', vectors: 'ok' });
      assert.equal((await send('/readyz')).status, 200);
      const { ready, coldStart, parts } = at.service.identity();
      assert.deepEqual([ready, coldStart, parts.includes('warm-up')], [true, false, true]);
      await (await send('/ok')).arrayBuffer();
      assert.equal(await counted(at.service, 'cold_starts_total{'), 0, 'who was warmed is not cold to its first user');
    },
    { warmUp: true },
  );

  play(
    'writes stay closed while a check fails, reads do not, and the first write opens it when all is there',
    async ({ send }, at) => {
      const write = { method: 'POST', body: '{}', headers: { 'content-type': 'application/json', 'idempotency-key': 'k' } };
      at.model = 'no weights';
      const refused = await send('/orders', write);
      assert.equal(refused.status, 503);
      assert.equal(refused.headers.get('retry-after'), '1');
      assert.equal(refused.headers.get('content-type'), 'application/problem+json');
      assert.match(JSON.stringify(await refused.json()), /urn:sluice:guard:not-warm.*Not ready: model/);
      assert.equal((await send('/ok')).status, 200);
      at.model = '';
      assert.equal((await send('/orders', write)).status, 201, 'nothing was claimed for what was refused');
    },
    { warmUp: true },
  );

  if (name === 'Lambda') continue;

  play('a stream is open until it has ended, and its latency is that of its first byte', async ({ send }, { service, more }) => {
    await (await send('/ok')).arrayBuffer();
    const asked = performance.now();
    const response = await send('/stream');
    const reader = response.body?.getReader() as ReadableStreamDefaultReader<Uint8Array>;
    assert.match(Buffer.from((await reader.read()).value ?? []).toString(), /data: one/);
    const seen = performance.now();
    assert.equal(await counted(service, 'open_streams{'), 1);
    assert.equal(service.open, 1);
    await until(() => performance.now() > seen + 20, { withinMs: 5_000, what: 'a stream that takes longer than its first byte' });
    more.open();
    let text = '';
    for (let read = await reader.read(); !read.done; read = await reader.read()) text += Buffer.from(read.value).toString();
    assert.match(text, /event: end/);
    await until(() => service.open === 0, { withinMs: 5_000, what: 'the stream to be closed' });
    assert.equal(await counted(service, 'open_streams{'), 0);
    assert.equal(await counted(service, 'streams_cut_total{'), 0);
    assert.equal(await counted(service, 'latency_seconds_count{'), 1, 'the first request was a cold start');
    const waitedMs = 1_000 * (await counted(service, 'latency_seconds_sum{'));
    assert.ok(waitedMs <= seen - asked, `${waitedMs} ms, the first byte was seen after ${seen - asked} ms`);
  });

  play('a stream that the service breaks off is cut by the server', async ({ send }, { service, more }) => {
    const response = await send('/broken-stream');
    more.open();
    await assert.rejects(response.text());
    await until(() => service.open === 0, { withinMs: 5_000, what: 'the stream to be closed' });
    const of = `streams_cut_total{${OURS},by=`;
    assert.equal(await counted(service, `${of}"server"`), 1);
    assert.equal(await counted(service, `${of}"client"`), 0);
  });

  play(
    'a client that leaves a stream is no fault of the server, and the stream is not open any more',
    async ({ send }, { service }) => {
      const leaving = new AbortController();
      const response = await send('/stream', { signal: leaving.signal });
      const reader = response.body?.getReader() as ReadableStreamDefaultReader<Uint8Array>;
      await reader.read();
      leaving.abort();
      await reader.cancel().catch(() => undefined);
      await until(() => service.open === 0, { withinMs: 5_000, what: 'the stream to be closed' });
      const of = `streams_cut_total{${OURS},by=`;
      assert.equal(await counted(service, `${of}"server"`), 0);
      assert.equal(await counted(service, `${of}"client"`), 1);
      assert.equal(await counted(service, 'open_streams{'), 0);
    },
  );
}

test('each invocation of Lambda reports what it counted; one whose report fails is answered all the same', async () => {
  const reports: InvocationReport[] = [];
  const { play } = playOn(onHono);
  const { send } = await onLambda(play, (report) => {
    reports.push(report);
    throw new Error('the log is away');
  });
  for (const path of ['/ok', '/bad', '/plain']) await send(path);
  await assert.rejects(send('/throws'), /thrown/);
  assert.deepEqual(
    reports.map(({ durationMs: _durationMs, ...report }) => report),
    [
      { releaseId: 'v2', revision: 'green', status: 200, coldStart: true },
      { releaseId: 'v2', revision: 'green', status: 500, coldStart: false },
      { releaseId: 'v2', revision: 'green', status: 200, coldStart: false },
      { releaseId: 'v2', revision: 'green', status: 500, coldStart: false },
    ],
  );
});

test('the endpoints have a port of their own where one wants it, and beside users there is only what a rollout asks for', async () => {
  const service = new Service({ ...IDENTITY, endpoints: 'apart' });
  const server = createServer(serviceEndpoints(service)).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const beside = fetchService(service, () => new Response('for users'));
  try {
    assert.match(await (await fetch(`${url}/metrics`)).text(), /sluice_guard_requests_total/);
    assert.equal((await fetch(`${url}/readyz`)).status, 200);
    assert.equal((await fetch(`${url}/orders`)).status, 404);
    assert.equal((await fetch(`${url}/.well-known/release`, { method: 'POST' })).status, 404);
    for (const path of ['/metrics', '/readyz'])
      assert.equal(await (await beside(new Request(`http://service${path}`))).text(), 'for users', path);
    assert.match(await (await beside(new Request('http://service/.well-known/release'))).text(), /"releaseId":"v2"/);
  } finally {
    server.close();
    server.closeAllConnections();
  }
});
