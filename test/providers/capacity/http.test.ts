import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { httpCapacity } from '../../../src/providers/capacity/http.js';
import { ProviderError } from '../../../src/providers/errors.js';
import { httpService, type Answer, type Asked } from './http-service.js';

const TARGET = { service: 'answer api', environment: 'test' };
const GREEN = { id: 'green', release: 'r2' };

async function service(
  t: TestContext,
  answer: (asked: Asked) => Answer | undefined,
  options: { token?: string; timeoutMs?: number } = {},
) {
  const running = await httpService(answer);
  t.after(running.close);
  return { ...running, capacity: httpCapacity({ url: `${running.url}/scaler/`, ...options }) };
}

test('it asks for at least the units wanted, with its bearer token', async (t) => {
  const { capacity, asked } = await service(
    t,
    ({ method }) => ({ body: method === 'GET' ? { units: 1 } : { state: 'pending', units: 2 } }),
    { token: 's3cr3t' },
  );
  assert.deepEqual(await capacity.ensure(TARGET, GREEN, 5), { kind: 'pending', units: 2 });
  assert.deepEqual(
    asked.map(({ method, path, body }) => [method, path, body]),
    [
      ['GET', '/scaler/test/answer%20api/green', ''],
      ['POST', '/scaler/test/answer%20api/green/ensure', '{"atLeast":5}'],
    ],
  );
  assert.equal(asked[1]?.headers.authorization, 'Bearer s3cr3t');
});

test('a revision that has more is never asked to have fewer', async (t) => {
  const { capacity, asked } = await service(t, () => ({ body: { units: 9 } }));
  assert.deepEqual(await capacity.ensure(TARGET, GREEN, 5), { kind: 'ready', units: 9 });
  assert.equal(
    asked.every(({ method }) => method === 'GET'),
    true,
  );
});

test('ready with fewer units than wanted is not ready', async (t) => {
  const { capacity } = await service(t, ({ method }) => ({
    body: method === 'GET' ? { units: 1 } : { state: 'ready', units: 4 },
  }));
  assert.deepEqual(await capacity.ensure(TARGET, GREEN, 5), { kind: 'pending', units: 4 });
});

test('a platform that cannot says why', async (t) => {
  const { capacity } = await service(t, ({ method }) => ({
    body: method === 'GET' ? { units: 1 } : { state: 'failed', reason: 'quota' },
  }));
  assert.deepEqual(await capacity.ensure(TARGET, GREEN, 5), { kind: 'failed', reason: 'quota' });
});

test('floors and releases are one call each', async (t) => {
  const { capacity, asked } = await service(t, () => ({ status: 204, body: '' }));
  await capacity.holdFloor(TARGET, GREEN, 4);
  await capacity.release(TARGET, GREEN);
  assert.deepEqual(
    asked.map(({ path, body }) => [path, body]),
    [
      ['/scaler/test/answer%20api/green/floor', '{"units":4}'],
      ['/scaler/test/answer%20api/green/release', '{}'],
    ],
  );
});

test('an overloaded service is asked again, a refusal is not', async (t) => {
  for (const [status, kind] of [
    [503, 'transient'],
    [429, 'transient'],
    [408, 'transient'],
    [403, 'permanent'],
    [404, 'permanent'],
    [302, 'permanent'],
  ] as const) {
    const { capacity } = await service(
      t,
      () => ({ status, body: { detail: 'because' }, headers: { location: 'http://elsewhere.test/' } }),
      { token: 's3cr3t' },
    );
    await assert.rejects(capacity.units(TARGET, GREEN), (error) => {
      assert.ok(error instanceof ProviderError);
      assert.equal(error.kind, kind, String(status));
      assert.match(error.message, /answered \d+: .*because/);
      assert.doesNotMatch(error.message, /s3cr3t/);
      return true;
    });
  }
});

test('a service that hangs or is not there is unknown: transient, within its time', async (t) => {
  const { capacity, close } = await service(t, () => undefined, { timeoutMs: 100 });
  await assert.rejects(
    capacity.units(TARGET, GREEN),
    (error) => error instanceof ProviderError && error.kind === 'transient' && error.message.includes('within 100 ms'),
  );
  await close();
  await assert.rejects(
    capacity.units(TARGET, GREEN),
    (error) => error instanceof ProviderError && error.kind === 'transient' && error.message.includes('ECONNREFUSED'),
  );
});

test('an answer in another shape says what was found and what was expected', async (t) => {
  const { capacity } = await service(t, () => ({ body: { replicas: 3 } }));
  await assert.rejects(capacity.units(TARGET, GREEN), /expected {"units": 3}, found {"replicas":3}/);
});
