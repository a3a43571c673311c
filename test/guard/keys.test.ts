/** The key's header and the scope's name. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { KEY_LIMIT_BYTES, parseKey, storeKey } from '../../src/guard/keys.js';

const printable = fc.string({
  unit: fc.integer({ min: 0x20, max: 0x7e }).map((code) => String.fromCharCode(code)),
  minLength: 1,
});

test('quoted and bare forms of the header are one key', () => {
  for (const header of ['abc-1', '"abc-1"', '  abc-1  ', ' "abc-1"'])
    assert.deepEqual(parseKey(header), { kind: 'key', key: 'abc-1' }, header);
  assert.deepEqual(parseKey(String.raw`"a\"b\\c"`), { kind: 'key', key: String.raw`a"b\c` });
});

test('a missing key is not an invalid one', () => {
  for (const header of [undefined, '', '   ']) assert.deepEqual(parseKey(header), { kind: 'missing' });
});

test('what no client means as one key is refused: joined headers, spaces, open quotes, other bytes', () => {
  for (const header of ['a, b', '"a", "b"', 'a b', '"a', 'a"', '""', '"a" x', '"\u00e9"', 'a\u0000', String.raw`"\a"`])
    assert.equal(parseKey(header).kind, 'invalid', header);
});

test('a key has at most 255 bytes, counted without its quotes', () => {
  const longest = 'k'.repeat(KEY_LIMIT_BYTES);
  assert.equal(parseKey(longest).kind, 'key');
  assert.equal(parseKey(`"${longest}"`).kind, 'key');
  assert.equal(parseKey(`${longest}k`).kind, 'invalid');
  assert.equal(parseKey(`"${longest}k"`).kind, 'invalid');
});

test('every printable key survives its quoting', () => {
  fc.assert(
    fc.property(printable, (key) => {
      assert.deepEqual(parseKey(`"${key.replace(/["\\]/g, String.raw`\$&`)}"`), { kind: 'key', key });
    }),
  );
});

test('whatever the header, the answer is one of the three and nothing is thrown', () => {
  fc.assert(
    fc.property(fc.oneof(fc.string({ unit: 'binary' }), fc.string()), (header) => {
      const parsed = parseKey(header);
      if (parsed.kind === 'key') assert.match(parsed.key, /^[ -~]{1,255}$/);
    }),
    { numRuns: 20_000 },
  );
});

test('two scopes share a name only if all four parts agree', () => {
  const scope = fc.record({ tenant: fc.string(), method: fc.string(), route: fc.string(), key: fc.string() });
  fc.assert(
    fc.property(scope, scope, (one, other) => {
      const same = JSON.stringify(one) === JSON.stringify(other);
      assert.equal(storeKey(one) === storeKey(other), same);
    }),
  );
  const parts = { tenant: 'ab', method: 'c', route: 'd', key: 'e' };
  assert.notEqual(storeKey(parts), storeKey({ ...parts, tenant: 'a', method: 'bc' }));
});
