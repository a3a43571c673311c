import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import fc from 'fast-check';
import { fingerprint, semanticFingerprint } from '../../src/guard/fingerprint.js';

const asked = { method: 'POST', path: '/orders?a=1', contentType: 'application/json', bytes: Buffer.from('{"a":1}') };

test('the same request has the same fingerprint, with its version in front', () => {
  assert.match(fingerprint(asked), /^v1:[0-9a-f]{64}$/);
  assert.equal(fingerprint(asked), fingerprint({ ...asked, method: 'post', contentType: ' Application/JSON ' }));
});

test('a revision of another version counts the same, whatever the size: lengths, fields and bytes in one sha256', () => {
  for (const size of [0, 1, 16 * 1024, 16 * 1024 + 1, 1_000_000]) {
    const bytes = Buffer.alloc(size, 0xc3);
    const before = `4:POST11:/orders?a=116:application/json${String(size)}:`;
    const expected = createHash('sha256').update(before).update(bytes).digest('hex');
    assert.equal(fingerprint({ ...asked, bytes }), `v1:${expected}`);
  }
});

test('method, path, query, content type and every byte count', () => {
  const changes = [{ method: 'PUT' }, { path: '/orders?a=2' }, { contentType: 'text/plain' }, { bytes: Buffer.from('{"a": 1}') }];
  for (const change of changes) assert.notEqual(fingerprint({ ...asked, ...change }), fingerprint(asked));
});

test('bytes that no text can hold are told apart', () => {
  const bytes = [Buffer.from([0xff]), Buffer.from([0xfe]), Buffer.from([0xef, 0xbf, 0xbd])];
  assert.equal(new Set(bytes.map((each) => fingerprint({ ...asked, bytes: each }))).size, 3);
});

test('no byte moves from one field into the next', () => {
  fc.assert(
    fc.property(fc.string({ minLength: 1 }), fc.nat(), (text, where) => {
      const cut = where % text.length;
      const moved = { ...asked, path: `/p${text.slice(0, cut)}`, contentType: `t${text.slice(cut)}` };
      assert.notEqual(fingerprint(moved), fingerprint({ ...asked, path: `/p${text}`, contentType: 't' }));
    }),
    { examples: [['ab', 1]] },
  );
});

test('a semantic fingerprint says the same for bodies that mean the same, and never equals one of raw bytes', () => {
  assert.equal(semanticFingerprint(asked, 'order 1'), semanticFingerprint({ ...asked }, 'order 1'));
  assert.notEqual(semanticFingerprint(asked, 'order 1'), semanticFingerprint(asked, 'order 2'));
  assert.notEqual(semanticFingerprint(asked, ''), fingerprint({ ...asked, contentType: '', bytes: Buffer.alloc(0) }));
});
