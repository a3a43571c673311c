/** Lambda: events of both payload formats, and a request that is carried whole. */
import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';
import type { LambdaAnswer } from '../../../src/guard/adapters/lambda-answer.js';
import { lambdaGuard, type LambdaEvent } from '../../../src/guard/adapters/lambda.js';
import { lambdaPins, type LambdaPinOptions } from '../../../src/guard/adapters/lambda-pins.js';
import { bench, type Bench } from '../support.js';
import { headersFor, PINS, startLooker, type Served } from './support.js';

const opened: Served[] = [];
afterEach(async () => {
  for (const { stop } of opened.splice(0)) await stop();
});

const AHEAD = headersFor({ ...PINS, schemaRev: 8 });

const V2 = (headers: Record<string, string>, body = 'body'): LambdaEvent => ({
  rawPath: '/vectors',
  rawQueryString: 'a=1&b=%20',
  requestContext: { http: { method: 'POST' } },
  headers: { Host: 'api.example', 'Idempotency-Key': 'k', ...headers },
  body: Buffer.from(body).toString('base64'),
  isBase64Encoded: true,
});

const V1 = (headers: Record<string, string>): LambdaEvent => ({
  httpMethod: 'POST',
  path: '/vectors',
  multiValueQueryStringParameters: { a: ['1', '2'], b: [' '] },
  headers: { Host: 'api.example', 'Idempotency-Key': 'k', ...headers },
  body: 'body',
});

function lambda(options: Partial<LambdaPinOptions> = {}, answer: unknown = { statusCode: 201, body: 'made' }) {
  const own: Bench = bench();
  const ran: LambdaEvent[] = [];
  const handler = lambdaGuard(own.guard, { tenant: () => 'acme' }, (event: LambdaEvent, _context: undefined) => {
    ran.push(event);
    return Promise.resolve(answer);
  });
  const run = lambdaPins<LambdaEvent, undefined>({ pins: PINS, revision: 'blue', ...options }, handler);
  return { run: async (event: LambdaEvent) => (await run(event, undefined)) as LambdaAnswer, ran, store: own.store };
}

test('who fits is served, and the answer is stamped and otherwise as it was', async () => {
  const answer = { statusCode: 201, body: 'made', multiValueHeaders: { 'Set-Cookie': ['a=1', 'b=2'] } };
  const told = await lambda({}, answer).run(V2(headersFor(PINS)));
  assert.deepEqual(told, { ...answer, headers: { ...headersFor(PINS) } });
});

test('an answer that is a plain value is the body of a 200', async () => {
  const { statusCode, body, headers } = await lambda({}, { ok: true }).run(V2(headersFor(PINS)));
  assert.deepEqual([statusCode, body, headers?.['x-schema-rev']], [200, '{"ok":true}', '7']);
});

test('who does not fit is refused before any claim', async () => {
  for (const [headers, status] of [
    [{}, 428],
    [{ ...AHEAD, 'X-Schema-Rev': 'x', 'x-schema-rev': 'x' }, 400],
    [AHEAD, 412],
  ] as const) {
    const { run, ran, store } = lambda();
    assert.equal((await run(V2(headers))).statusCode, status);
    assert.deepEqual([ran, store.calls], [[], []]);
  }
});

test('a request is carried whole, of either payload format', async () => {
  const looker = await startLooker((response) =>
    response.writeHead(201, { 'set-cookie': ['a=1', 'b=2'], 'x-revision': 'green' }).end(Buffer.from([0xff, 0x00])),
  );
  opened.push(looker);
  const { run, ran, store } = lambda({ matching: () => ({ revision: 'green', url: looker.url }) });
  const told = await run(V2(AHEAD));
  assert.deepEqual([told.statusCode, told.body, told.isBase64Encoded], [201, '/wA=', true]);
  assert.deepEqual([told.headers?.['x-revision'], told.cookies, told.multiValueHeaders], ['green', ['a=1', 'b=2'], undefined]);
  assert.deepEqual((await run(V1(AHEAD))).multiValueHeaders, { 'set-cookie': ['a=1', 'b=2'] });
  assert.deepEqual(
    looker.seen.map(({ method, url, headers, body }) => [method, url, headers.host, headers['idempotency-key'], body.toString()]),
    [
      ['POST', '/vectors?a=1&b=%20', 'api.example', 'k', 'body'],
      ['POST', '/vectors?a=1&a=2&b=+', 'api.example', 'k', 'body'],
    ],
  );
  assert.deepEqual([ran, store.calls], [[], []]);
});

test('a matching revision that does not answer in time is a 502', async () => {
  const silent = await startLooker(() => undefined);
  opened.push(silent);
  const { run } = lambda({ matching: () => ({ revision: 'green', url: silent.url }), carryMs: 50 });
  assert.equal((await run(V2(AHEAD))).statusCode, 502);
});
