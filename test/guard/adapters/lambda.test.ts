import assert from 'node:assert/strict';
import { test } from 'node:test';
import { lambdaGuard, type LambdaEvent } from '../../../src/guard/adapters/lambda.js';
import type { LambdaAnswer } from '../../../src/guard/adapters/lambda-answer.js';
import { NothingDone } from '../../../src/guard/refusal.js';
import { until } from '../../harness/until.js';
import { lambdaPins } from '../../../src/guard/adapters/lambda-pins.js';
import { headersFor, PINS } from '../pins/support.js';
import { bench, gate } from '../support.js';
import { adapterConformance, BINARY, itemOf, LARGE, tenantFrom, type AdapterStage, type StageOptions } from './conformance.js';

const tenant = (event: LambdaEvent): string => tenantFrom(event.headers?.['x-tenant']);

/** An event as API Gateway makes it in payload 2.0. */
const eventOf = (path: string, init: RequestInit): LambdaEvent => ({
  rawPath: path,
  rawQueryString: '',
  routeKey: '$default',
  requestContext: { http: { method: init.method ?? 'GET' } },
  headers: init.headers as Record<string, string>,
  ...(typeof init.body === 'string' ? { body: Buffer.from(init.body).toString('base64'), isBase64Encoded: true } : {}),
});

/** What API Gateway makes of a function's answer. */
function responseOf(answer: LambdaAnswer): Response {
  const { statusCode, headers, multiValueHeaders, body, isBase64Encoded = false } = answer;
  const all = [
    ...Object.entries(headers ?? {}).map(([name, value]) => [name, String(value)]),
    ...Object.entries(multiValueHeaders ?? {}).flatMap(([name, values]) => values.map((value) => [name, String(value)])),
  ] as [string, string][];
  const bytes = Buffer.from(body ?? '', isBase64Encoded ? 'base64' : 'utf8');
  return new Response(statusCode === 204 ? null : bytes, { status: statusCode, headers: all });
}

function service({ guard, service, mode }: StageOptions): Promise<AdapterStage> {
  const handlers: Record<string, () => Promise<LambdaAnswer> | LambdaAnswer> = {
    'GET /orders': () => ({ statusCode: 200, body: '[]' }),
    'POST /orders': () => {
      const order = service.effect();
      return {
        statusCode: 201,
        headers: { Location: `/orders/${String(order)}`, 'Content-Type': 'application/json' },
        multiValueHeaders: { 'Set-Cookie': ['session=1', 'other=2'] },
        body: JSON.stringify({ order }),
      };
    },
    'POST /slow': async () => {
      const order = service.effect();
      service.entered.open();
      await service.slow;
      return { statusCode: 200, body: `slow ${String(order)}` };
    },
    'POST /empty': () => {
      service.effect();
      return { statusCode: 204 };
    },
    'POST /bad': () => {
      service.effect();
      return { statusCode: 400, headers: { 'content-type': 'application/vnd.orders+json' }, body: '{"why":"<no>"}' };
    },
    'POST /broken': () => {
      service.effect();
      throw new Error('broken');
    },
    'POST /binary': () => {
      service.effect();
      return { statusCode: 200, body: BINARY.toString('base64'), isBase64Encoded: true };
    },
    'POST /large': () => {
      service.effect();
      return { statusCode: 200, body: LARGE.toString() };
    },
    'POST /forged': () => {
      service.effect();
      return { statusCode: 200, headers: { 'Idempotent-Replayed': 'true' }, body: 'fresh' };
    },
    'POST /meaning': () => ({ statusCode: 200, body: String(service.effect()) }),
  };
  const handle = async (event: LambdaEvent): Promise<unknown> => {
    const { http } = event.requestContext as { http: { method: string } };
    return handlers[`${http.method} ${event.rawPath ?? ''}`]!();
  };
  const plain = lambdaGuard(guard, { tenant, mode }, handle);
  const meaning = lambdaGuard(guard, { tenant, mode, meaning: (_event, bytes) => itemOf(bytes) }, handle);
  return Promise.resolve({
    send: async (path, init) => {
      const run = path === '/meaning' ? meaning : plain;
      // A function that throws is a 500 of the gateway's.
      const answer = await run(eventOf(path, init), {}).catch(() => ({ statusCode: 500 }));
      return responseOf(answer as LambdaAnswer);
    },
    stop: () => Promise.resolve(),
  });
}

adapterConformance('lambda', service, { stream: false });

test('calls at once without any context of the invocation run once', async () => {
  const { guard } = bench();
  const { opened, open } = gate();
  let effects = 0;
  const handler = lambdaGuard<LambdaEvent, undefined>(guard, { tenant }, async () => {
    effects++;
    await opened;
    return { statusCode: 200 };
  });
  const event = eventOf('/orders', { method: 'POST', body: '{}', headers: { 'Idempotency-Key': 'k' } });
  const first = handler(event, undefined);
  const second = (await handler(event, undefined)) as LambdaAnswer;
  assert.equal(second.statusCode, 409);
  open();
  assert.equal(((await first) as LambdaAnswer).statusCode, 200);
  assert.equal(effects, 1);
});

test('payload 1.0 is understood: method, resource as route, query and path as fingerprint', async () => {
  const { guard } = bench();
  const handler = lambdaGuard<LambdaEvent, undefined>(guard, { tenant }, (event) =>
    Promise.resolve({ statusCode: 200, body: event.path }),
  );
  const event = (change: Partial<LambdaEvent> = {}): LambdaEvent => ({
    httpMethod: 'POST',
    resource: '/orders/{id}',
    path: '/orders/1',
    headers: { 'IDEMPOTENCY-KEY': 'k' },
    body: '{}',
    ...change,
  });
  const ask = async (change?: Partial<LambdaEvent>): Promise<LambdaAnswer> =>
    (await handler(event(change), undefined)) as LambdaAnswer;
  assert.equal((await ask()).body, '/orders/1');
  assert.equal((await ask()).headers?.['idempotent-replayed'], 'true');
  assert.equal((await ask({ path: '/orders/2' })).statusCode, 422);
  assert.equal((await ask({ multiValueQueryStringParameters: { a: ['1', '2'] } })).statusCode, 422);
});

test('an answer that is plain JSON is replayed as the body of a 200', async () => {
  const { guard } = bench();
  const handler = lambdaGuard<LambdaEvent, undefined>(guard, { tenant }, () => Promise.resolve({ order: 1 }));
  const event = eventOf('/orders', { method: 'POST', body: '{}', headers: { 'idempotency-key': 'k' } });
  assert.deepEqual(await handler(event, undefined), { order: 1 });
  const again = (await handler(event, undefined)) as LambdaAnswer;
  assert.deepEqual([again.statusCode, again.body, again.headers?.['content-type']], [200, '{"order":1}', 'application/json']);
});

test('a handler that did nothing says so by its throw, and its key is free', async () => {
  const { guard } = bench();
  let times = 0;
  const handler = lambdaGuard<LambdaEvent, undefined>(guard, { tenant }, () => {
    if (times++ === 0) throw new NothingDone('no connection');
    return Promise.resolve({ statusCode: 200 });
  });
  const event = eventOf('/orders', { method: 'POST', body: '{}', headers: { 'idempotency-key': 'k' } });
  await assert.rejects(handler(event, undefined), NothingDone);
  assert.equal(((await handler(event, undefined)) as LambdaAnswer).statusCode, 200);
});

test('one event may be given twice, as a retry of one’s own does, and behind schema pins too', async () => {
  const { guard } = bench();
  let effects = 0;
  const guarded = lambdaGuard<LambdaEvent, undefined>(guard, { tenant }, () =>
    Promise.resolve({ statusCode: 201, body: String(++effects) }),
  );
  const handler = lambdaPins<LambdaEvent, undefined>({ pins: PINS, revision: 'green' }, guarded);
  const event = eventOf('/orders', { method: 'POST', body: '{}', headers: { 'idempotency-key': 'k', ...headersFor(PINS) } });
  for (let times = 0; times < 2; times++) assert.equal(((await handler(event, undefined)) as LambdaAnswer).body, '1');
});

test('an answer may say with null what it has not, as API Gateway takes it', async () => {
  const { guard } = bench();
  const answer = { statusCode: 201, headers: null, multiValueHeaders: null, body: null };
  const handler = lambdaGuard<LambdaEvent, undefined>(guard, { tenant }, () => Promise.resolve(answer));
  const event = eventOf('/orders', { method: 'POST', body: '{}', headers: { 'idempotency-key': 'k' } });
  assert.deepEqual(await handler(event, undefined), answer);
  const again = (await handler(event, undefined)) as LambdaAnswer;
  assert.deepEqual([again.statusCode, again.body, again.headers], [201, '', { 'idempotent-replayed': 'true' }]);
});

test('an answer that cannot be read is an error, and leaves no lease that is renewed for ever', async () => {
  const [unreadable, control] = [bench(), bench()];
  const circular: Record<string, unknown> = {};
  circular['self'] = circular;
  const { opened, open } = gate();
  const event = eventOf('/orders', { method: 'POST', body: '{}', headers: { 'idempotency-key': 'k' } });
  const options = { tenant, leaseMs: 30 };
  const handler = lambdaGuard<LambdaEvent, undefined>(unreadable.guard, options, () => Promise.resolve(circular));
  await assert.rejects(handler(event, undefined), TypeError);
  const waiting = lambdaGuard<LambdaEvent, undefined>(control.guard, options, () => opened)(event, undefined);
  const renewals = ({ store }: typeof control): number => store.calls.filter((call) => call === 'renew').length;
  await until(() => renewals(control) >= 3, { withinMs: 5_000, what: 'three renewals of a lease that is held' });
  assert.equal(renewals(unreadable), 0);
  open();
  await waiting;
});
