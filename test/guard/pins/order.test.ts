/** Pins behind the claim would have their refusal kept as the answer to a key: that order is an error, and no record. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import express from 'express';
import { expressGuard } from '../../../src/guard/adapters/express.js';
import { expressPins } from '../../../src/guard/adapters/express-pins.js';
import { fetchGuard } from '../../../src/guard/adapters/fetch.js';
import { fetchPins } from '../../../src/guard/adapters/fetch-pins.js';
import { lambdaGuard } from '../../../src/guard/adapters/lambda.js';
import { lambdaPins } from '../../../src/guard/adapters/lambda-pins.js';
import { bench } from '../support.js';
import { headersFor, listen, PINS } from './support.js';

const tenant = (): string => 'acme';
const pins = { pins: PINS, revision: 'blue' };
const headers = { 'idempotency-key': 'k', ...headersFor({ ...PINS, schemaRev: 8 }) };

test('Express: the error is handed on, and the key has no record', async () => {
  const { guard, store } = bench();
  const errors: unknown[] = [];
  const app = express().set('env', 'test');
  app.use(expressGuard(guard, { tenant }), expressPins(pins));
  app.use((error: unknown, _request: express.Request, response: express.Response, _next: express.NextFunction) => {
    errors.push(error);
    response.status(500).end();
  });
  const { url, stop } = await listen(app);
  try {
    assert.equal((await fetch(url, { method: 'POST', headers })).status, 500);
  } finally {
    await stop();
  }
  assert.match(String(errors[0]), /TypeError: schema pins were looked at after the claim: mount the pins before the guard/);
  assert.equal(store.calls.includes('complete'), false);
});

test('fetch handlers and Lambda: the call rejects, and the key has no record', async () => {
  const { guard, store } = bench();
  const handler = fetchGuard(
    guard,
    { tenant },
    fetchPins(pins, () => new Response('served')),
  );
  await assert.rejects(handler(new Request('http://a/', { method: 'POST', headers })), /after the claim/);
  const lambda = lambdaGuard(
    guard,
    { tenant },
    lambdaPins(pins, () => Promise.resolve('served')),
  );
  await assert.rejects(lambda({ httpMethod: 'POST', path: '/l', headers }, undefined), /after the claim/);
  assert.equal(store.calls.includes('complete'), false);
});
