/** Fetch handlers, shown with Hono: its routes, and a whole application. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Hono } from 'hono';
import { stream } from 'hono/streaming';
import type { Context } from 'hono';
import { fetchGuard, type FetchHandler } from '../../../src/guard/adapters/fetch.js';
import { until } from '../../harness/until.js';
import { bench } from '../support.js';
import {
  adapterConformance,
  BINARY,
  EVENT_STREAM,
  itemOf,
  LARGE,
  tenantFrom,
  type AdapterStage,
  type StageOptions,
} from './conformance.js';

const tenant = (request: Request): string => tenantFrom(request.headers.get('x-tenant'));

function service({ guard, service, mode }: StageOptions): Promise<AdapterStage> {
  const app = new Hono();
  const guarded = (handler: FetchHandler<[Context]>) => {
    const run = fetchGuard(guard, { tenant, mode }, handler);
    return (context: Context) => run(context.req.raw, context);
  };
  const meaning = fetchGuard(guard, { tenant, mode, meaning: (_request, bytes) => itemOf(bytes) }, () => {
    return new Response(String(service.effect()));
  });
  app.post('/meaning', (context) => meaning(context.req.raw));
  app.get(
    '/orders',
    guarded((_request, context) => context.json([])),
  );
  app.post(
    '/orders',
    guarded(async (_request, context) => {
      assert.deepEqual(await context.req.json(), { item: 1 });
      const order = service.effect();
      return context.json({ order }, 201, { location: `/orders/${String(order)}`, 'set-cookie': 'session=1' });
    }),
  );
  app.post(
    '/slow',
    guarded(async (_request, context) => {
      const order = service.effect();
      service.entered.open();
      await service.slow;
      return context.text(`slow ${String(order)}`);
    }),
  );
  app.post(
    '/empty',
    guarded((_request, context) => {
      service.effect();
      return context.body(null, 204);
    }),
  );
  app.post(
    '/bad',
    guarded((_request, context) => {
      service.effect();
      return context.body('{"why":"<no>"}', 400, { 'content-type': 'application/vnd.orders+json' });
    }),
  );
  app.post(
    '/broken',
    guarded(() => {
      service.effect();
      throw new Error('broken');
    }),
  );
  app.post(
    '/binary',
    guarded(() => {
      service.effect();
      return new Response(BINARY, { headers: { 'content-type': 'application/octet-stream' } });
    }),
  );
  app.post(
    '/large',
    guarded(() => {
      service.effect();
      return new Response(LARGE);
    }),
  );
  app.post(
    '/forged',
    guarded((_request, context) => {
      service.effect();
      return context.text('fresh', 200, { 'Idempotent-Replayed': 'true' });
    }),
  );
  app.post(
    '/stream',
    guarded((_request, context) => {
      service.effect();
      context.header('content-type', EVENT_STREAM);
      return stream(context, async (out) => {
        await out.write('data: 1\n\n');
        await service.streaming;
        await out.write('data: 2\n\n');
      });
    }),
  );
  app.onError((_error, context) => context.text('broken', 500));
  return Promise.resolve({ send: async (path, init) => app.request(path, init), stop: () => Promise.resolve() });
}

adapterConformance('hono', service, { stream: true });

const post = (key: string): Request =>
  new Request('http://service.test/orders', { method: 'POST', body: '{}', headers: { 'idempotency-key': key } });

test('a whole application can stand behind one guard', async () => {
  const { guard } = bench();
  let effects = 0;
  const app = new Hono().post('/orders', (context) => context.text(String(++effects)));
  const whole = fetchGuard(guard, { tenant, route: () => '/orders' }, (request) => app.fetch(request));
  for (let times = 0; times < 2; times++) assert.equal(await (await whole(post('k'))).text(), '1');
});

test('guarded twice, a request fails with a sentence that says so; sent twice, it is one', async () => {
  const { guard, store } = bench();
  let effects = 0;
  const once = fetchGuard(guard, { tenant }, () => new Response(String(++effects)));
  const request = post('k');
  for (let times = 0; times < 2; times++) assert.equal(await (await once(request)).text(), '1');
  await assert.rejects(
    fetchGuard(guard, { tenant, route: () => '/outer' }, once)(post('k')),
    /under a claim already: guard it once/,
  );
  assert.equal(store.calls.filter((call) => call === 'complete').length, 1);
});

test('a client that leaves a stream ends it, and the retry is told at once that the outcome is unknown', async () => {
  const { guard, store } = bench();
  let cancelled = false;
  const streaming = fetchGuard(guard, { tenant, leaseMs: 30 }, () => {
    const body = new ReadableStream({
      start(controller) {
        controller.enqueue(Buffer.from('data: 1\n\n'));
      },
      cancel() {
        cancelled = true;
      },
    });
    return new Response(body, { headers: { 'content-type': EVENT_STREAM } });
  });
  const reader = (await streaming(post('k'))).body!.getReader();
  await reader.read();
  await until(() => store.calls.includes('renew'), { withinMs: 5_000, what: 'a renewal while the stream runs' });
  await reader.cancel();
  assert.equal(cancelled, true);
  assert.ok(!store.calls.includes('complete'));
  const again = (await (await streaming(post('k'))).json()) as { type: string };
  assert.equal(again.type, 'urn:sluice:guard:unknown');
});

test('a stream that breaks is passed on as broken and leaves the outcome unknown', async () => {
  const { guard } = bench();
  const breaking = fetchGuard(guard, { tenant }, () => {
    let pulls = 0;
    const body = new ReadableStream({
      pull(controller) {
        if (pulls++ > 0) throw new Error('broken');
        controller.enqueue(Buffer.from('data: 1\n\n'));
      },
    });
    return new Response(body, { headers: { 'content-type': EVENT_STREAM } });
  });
  await assert.rejects((await breaking(post('k'))).text(), /broken/);
  const again = (await (await breaking(post('k'))).json()) as { type: string };
  assert.equal(again.type, 'urn:sluice:guard:unknown');
});

test('a handler that answers with nothing leaves the outcome unknown, and its lease is not renewed for ever', async () => {
  const { guard } = bench();
  const silent = fetchGuard(guard, { tenant }, () => undefined as unknown as Response);
  await assert.rejects(silent(post('k')), TypeError);
  const again = (await (await silent(post('k'))).json()) as { type: string };
  assert.equal(again.type, 'urn:sluice:guard:unknown');
});
