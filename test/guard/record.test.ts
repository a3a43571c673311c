import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import fc from 'fast-check';
import { replayOf } from '../../src/guard/problem.js';
import { BODY_LIMIT_BYTES, decodeRecord, encodeRecord, encodeRecordAsText, recordOf } from '../../src/guard/record.js';
import { outcome } from './support.js';

test('a record keeps what describes the answer, and no cookie and nothing of one connection', () => {
  const headers = {
    location: '/o/1',
    etag: '"1"',
    'set-cookie': 'session=1',
    date: 'now',
    'x-request-id': '1',
    connection: 'close',
  };
  const record = recordOf(outcome(201, 'x', headers), 'green');
  assert.deepEqual(record.headers, { 'content-type': 'text/plain', etag: '"1"', location: '/o/1' });
  assert.equal(record.revision, 'green');
});

test('a replay says that it is one, whatever the record of a store of one’s own says', () => {
  const record = { ...outcome(201, 'x', { 'idempotent-replayed': 'false' }), revision: 'green' };
  assert.deepEqual(replayOf(record).headers, { 'content-type': 'text/plain', 'idempotent-replayed': 'true' });
});

test('a body at the limit is kept, and one above it leaves its digest and length', () => {
  const bytes = Buffer.alloc(BODY_LIMIT_BYTES, 7);
  assert.equal(recordOf({ ...outcome(), body: { kind: 'bytes', bytes } }, 'r').body.kind, 'bytes');
  const above = Buffer.concat([bytes, Buffer.from([1])]);
  assert.deepEqual(recordOf({ ...outcome(), body: { kind: 'bytes', bytes: above } }, 'r').body, {
    kind: 'too-large',
    sha256: createHash('sha256').update(above).digest('hex'),
    length: BODY_LIMIT_BYTES + 1,
  });
});

test('every record survives its bytes', () => {
  const body = fc.oneof(
    fc.uint8Array().map((bytes) => ({ kind: 'bytes' as const, bytes: Buffer.from(bytes) })),
    fc.string({ unit: 'binary' }).map((text) => ({ kind: 'bytes' as const, bytes: Buffer.from(text) })),
    fc.tuple(fc.string(), fc.nat()).map(([sha256, length]) => ({ kind: 'too-large' as const, sha256, length })),
    fc.constant({ kind: 'streamed' as const }),
  );
  const headers = fc.dictionary(fc.constantFrom('location', 'link'), fc.string({ unit: 'binary' }), { noNullPrototype: true });
  fc.assert(
    fc.property(fc.integer({ min: 200, max: 499 }), headers, body, fc.string(), (status, kept, bytes, revision) => {
      const record = { status, headers: kept, body: bytes, revision };
      const encoded = encodeRecord(record);
      assert.deepEqual(decodeRecord(encoded), record);
      assert.ok(Buffer.from(encodeRecordAsText(record) as string).equals(encoded), 'as a text it is the same bytes');
    }),
  );
});

test('a record of a later version is an error that says what to do, not a guess', () => {
  assert.throws(() => decodeRecord(Buffer.from('{"v":2}\n')), /version 2.*update the guard/);
});
