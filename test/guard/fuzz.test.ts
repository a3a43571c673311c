/**
 * Whatever comes in: never a crash, and never another tenant's record. The cases are drawn from a few tenants, keys and bodies,
 * so that they collide, and from anything else, so that they surprise. `SLUICE_GUARD_CASES` sets how many; 100,000 unless told.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { lambdaGuard, type LambdaEvent } from '../../src/guard/adapters/lambda.js';
import type { LambdaAnswer } from '../../src/guard/adapters/lambda-answer.js';
import { Guard } from '../../src/guard/guard.js';
import { beginRequest, type RequestMeta } from '../../src/guard/http.js';
import { parseKey } from '../../src/guard/keys.js';
import type { Outcome } from '../../src/guard/outcome.js';
import { decodeRecord, encodeRecord } from '../../src/guard/record.js';
import { MemoryStore } from '../../src/guard/stores/memory.js';
import { textOf } from './support.js';

const CASES = Number(process.env['SLUICE_GUARD_CASES'] ?? 100_000);

const anyText = fc.oneof(fc.string(), fc.string({ unit: 'binary' }), fc.string({ unit: 'grapheme' }));
const among = (...known: string[]): fc.Arbitrary<string> =>
  fc.oneof({ weight: 4, arbitrary: fc.constantFrom(...known) }, anyText);

const metaOf = (text: (...known: string[]) => fc.Arbitrary<string>): fc.Arbitrary<RequestMeta & { readonly tenant: string }> =>
  fc.record({
    method: text('POST', 'PUT', 'GET', 'post'),
    route: text('/orders', '/refunds'),
    path: text('/orders', '/orders?a=1', '/refunds'),
    contentType: fc.option(text('application/json', 'text/plain'), { nil: undefined }),
    key: fc.option(text('k', '"k"', '"k\\""', 'l', 'm', 'k,k', '"', 'a'.repeat(255), 'a'.repeat(256)), { nil: undefined }),
    tenant: text('acme', 'other', 'acm').filter((tenant) => tenant !== ''),
  });
const meta = fc.oneof(metaOf(fc.constantFrom), metaOf(among));
const body = fc.oneof(
  fc.constantFrom(Buffer.from('{}'), Buffer.from('{"a":1}'), Buffer.alloc(0)),
  fc.uint8Array({ maxLength: 64 }).map((bytes) => Buffer.from(bytes)),
);
const status = fc.constantFrom(200, 201, 204, 303, 400, 404, 409, 422, 429, 500, 503);

test(
  `in ${CASES.toLocaleString('en')} requests on one store nobody gets an answer that was not made for their tenant, key and request`,
  { timeout: 600_000 },
  async () => {
    const guard = new Guard({ store: new MemoryStore(), revision: 'green' });
    let replays = 0;
    await fc.assert(
      fc.asyncProperty(meta, body, status, async (asked, bytes, answered) => {
        const beginning = await beginRequest(guard, { tenant: () => asked.tenant, onLost: 'reexecute' }, asked, bytes, undefined);
        const parsed = parseKey(asked.key);
        // Everything that makes a request this one, told apart as JSON does.
        const made = JSON.stringify([
          asked.tenant,
          asked.method.toUpperCase(),
          asked.route,
          parsed.kind === 'key' && parsed.key,
          asked.path,
          (asked.contentType ?? '').trim().toLowerCase(),
          bytes.toString('hex'),
        ]);
        if (beginning.kind === 'execute') {
          assert.equal(parsed.kind, 'key');
          const outcome: Outcome = { status: answered, headers: {}, body: { kind: 'bytes', bytes: Buffer.from(made) } };
          assert.deepEqual(await beginning.execution.settle(outcome), { kind: 'send' });
        }
        if (beginning.kind === 'answer' && beginning.outcome.headers['idempotent-replayed'] === 'true') {
          replays++;
          assert.equal(textOf(beginning.outcome.body), made);
        }
      }),
      { numRuns: CASES },
    );
    assert.ok(replays > CASES / 1_000, `only ${String(replays)} replays: the cases never collide`);
  },
);

test('whatever an event holds and a function answers, the adapter’s answer is one', { timeout: 300_000 }, async () => {
  const guard = new Guard({ store: new MemoryStore(), revision: 'green' });
  const event: fc.Arbitrary<LambdaEvent> = fc.record(
    {
      headers: fc.dictionary(among('Idempotency-Key', 'content-type'), among('k', '"k"')),
      body: fc.option(fc.oneof(anyText, fc.base64String())),
      isBase64Encoded: fc.boolean(),
      rawPath: among('/orders'),
      rawQueryString: anyText,
      routeKey: among('$default'),
      requestContext: fc.oneof(fc.constant({ http: { method: 'POST' } }), fc.constant(undefined), fc.constant({})),
      httpMethod: fc.constantFrom('POST', 'GET', 'PATCH'),
      path: anyText,
      resource: anyText,
    },
    { requiredKeys: [] },
  );
  const answer = fc.oneof(
    fc.record({ statusCode: status, body: anyText, isBase64Encoded: fc.boolean() }, { requiredKeys: ['statusCode'] }),
    fc.jsonValue(),
    fc.constant(undefined),
  );
  await fc.assert(
    fc.asyncProperty(event, answer, async (asked, answered) => {
      const run = lambdaGuard<LambdaEvent, undefined>(guard, { tenant: () => 't' }, () => Promise.resolve(answered));
      const got = await run(asked, undefined);
      if (got === answered) return;
      const { statusCode, body: text = '' } = got as LambdaAnswer;
      assert.ok(Number.isInteger(statusCode));
      assert.equal(typeof text, 'string');
    }),
    { numRuns: CASES / 10 },
  );
});

test('bytes that are no record are an error and never an answer', () => {
  fc.assert(
    fc.property(fc.uint8Array(), (bytes) => {
      assert.throws(() => decodeRecord(Buffer.from(bytes)));
    }),
    { numRuns: CASES / 10 },
  );
  const record = encodeRecord({ status: 200, headers: {}, body: { kind: 'streamed' }, revision: 'r' });
  for (let end = 0; end < record.length - 1; end++)
    assert.throws(() => decodeRecord(record.subarray(0, end)), `${String(end)} bytes`);
});
