import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Counter, Registry } from 'prom-client';
import { serveEndpoints } from '../../src/worker/endpoints.js';
import { httpService } from '../providers/capacity/http-service.js';

async function get(url: string): Promise<{ status: number; text: string }> {
  const response = await fetch(url);
  return { status: response.status, text: await response.text() };
}

test('alive and ready are two questions', async (t) => {
  const said: { fatal?: string; reasons: string[] } = { reasons: ['waiting for Temporal'] };
  const endpoints = await serveEndpoints(
    { fatal: () => said.fatal, unready: () => Promise.resolve(said.reasons) },
    new Registry(),
    () => undefined,
  );
  t.after(() => endpoints.close());
  assert.deepEqual(await get(`${endpoints.url}/healthz`), { status: 200, text: '{"status":"alive"}\n' });
  assert.deepEqual(await get(`${endpoints.url}/readyz`), {
    status: 503,
    text: '{"status":"not ready","reasons":["waiting for Temporal"]}\n',
  });
  said.reasons = [];
  said.fatal = 'the worker of sluice ended';
  assert.equal((await get(`${endpoints.url}/readyz`)).status, 200);
  assert.equal((await get(`${endpoints.url}/healthz`)).status, 503);
  assert.equal((await get(`${endpoints.url}/else`)).status, 404);
});

test('metrics are ours and the SDK’s in one answer, and ours whatever the SDK’s do', async (t) => {
  const registry = new Registry();
  new Counter({ name: 'sluice_test_total', help: 'ours', registers: [registry] }).inc(3);
  const sdk = await httpService(() => ({ body: 'temporal_worker_start 1\n' }));
  t.after(sdk.close);
  let url = sdk.url;
  const endpoints = await serveEndpoints({ fatal: () => undefined, unready: () => Promise.resolve([]) }, registry, () => url);
  t.after(() => endpoints.close());
  const both = (await get(`${endpoints.url}/metrics`)).text;
  assert.match(both, /sluice_test_total 3/);
  assert.match(both, /temporal_worker_start 1/);
  url = 'http://127.0.0.1:1/metrics';
  const { status, text } = await get(`${endpoints.url}/metrics`);
  assert.equal(status, 200);
  assert.match(text, /sluice_test_total 3/);
  assert.match(text, /# the SDK's metrics could not be read/);
});

test('a port that is taken says so', async (t) => {
  const other = await httpService(() => ({}));
  t.after(other.close);
  const port = Number(new URL(other.url).port);
  await assert.rejects(
    serveEndpoints({ fatal: () => undefined, unready: () => Promise.resolve([]) }, new Registry(), () => undefined, { port }),
    /cannot be served on 127\.0\.0\.1:\d+: .*EADDRINUSE/,
  );
});
