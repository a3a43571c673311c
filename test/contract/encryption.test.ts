import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { test } from 'node:test';
import fc from 'fast-check';
import { defaultPayloadConverter, type Payload, type PayloadConverter } from '@temporalio/common';
import { decrypt, encrypt, encryptedWith, encryptionCodec, keyRingOf } from '../../src/contract/encryption.js';
import { keyText, ringOf } from './keys.js';

const { payloadConverter } = createRequire(import.meta.url)('../../src/contract/payload-converter.cjs') as {
  payloadConverter: PayloadConverter;
};

const bytes = fc.uint8Array({ maxLength: 200 });
const payloads: fc.Arbitrary<Payload> = fc.record({
  metadata: fc.dictionary(fc.string({ maxLength: 20 }), bytes, { maxKeys: 4, noNullPrototype: true }),
  data: bytes,
});
/** Buffers and arrays of the same bytes are the same payload. */
const plain = ({ metadata, data }: Payload) => ({
  metadata: Object.fromEntries(Object.entries(metadata ?? {}).map(([name, value]) => [name, Buffer.from(value).toString('hex')])),
  data: Buffer.from(data ?? []).toString('hex'),
});
const sealed = (value: unknown, ring = ringOf('k1')): Payload => encrypt(defaultPayloadConverter.toPayload(value), ring);

test('every payload comes back as it was, and never looks the same twice', () => {
  const ring = ringOf('k1');
  fc.assert(
    fc.property(payloads, (payload) => {
      const [once, again] = [encrypt(payload, ring), encrypt(payload, ring)];
      assert.notDeepEqual(once.data, again.data);
      assert.deepEqual(plain(decrypt(once, ring)), plain(payload));
    }),
  );
});

test('nothing of a payload but its length and the name of the key can be seen', () => {
  const { metadata, data } = sealed({ reason: 'marked-words-of-a-human' });
  assert.deepEqual(Object.keys(metadata ?? {}).sort(), ['encoding', 'encryption-key-id']);
  assert.equal(encryptedWith({ metadata, data } as Payload), 'k1');
  assert.doesNotMatch(Buffer.from(data ?? []).toString('latin1'), /marked|reason|json/);
});

test('after a rotation the new key encrypts, and the old one still decrypts', async () => {
  const before = sealed('old');
  const after = ringOf('k2', 'k1');
  assert.equal(encryptedWith(sealed('new', after)), 'k2');
  const [decoded] = await encryptionCodec(after).decode([before]);
  assert.equal(defaultPayloadConverter.fromPayload(decoded ?? before), 'old');
});

test('a payload that somebody changed, or whose key is not here, becomes undecodable and never an error', () => {
  const ring = ringOf('k1');
  const whole = sealed({ by: 'ann' });
  const length = whole.data?.length ?? 0;
  fc.assert(
    fc.property(fc.nat(length - 1), fc.integer({ min: 1, max: 255 }), (at, change) => {
      const data = Buffer.from(whole.data ?? []);
      data[at] = (data[at] ?? 0) ^ change;
      const value = payloadConverter.fromPayload<object>(decrypt({ ...whole, data }, ring));
      assert.deepEqual(Object.keys(value), ['undecodable']);
    }),
  );
  for (const keys of [ringOf('k2'), undefined]) assert.equal(decrypt(whole, keys), whole);
  const otherKey = keyRingOf({ keyId: 'k1', key: keyText('another key of the same name') });
  assert.ok(otherKey.kind === 'ok');
  assert.equal(decrypt(whole, otherKey.ring), whole);
});

test('anything at all that claims to be encrypted is decoded without an error', async () => {
  const codec = encryptionCodec(ringOf('k1'));
  const claiming = fc.record({
    metadata: fc.record({
      encoding: fc.constantFrom(...['binary/encrypted', 'json/plain', ''].map((text) => Buffer.from(text))),
      'encryption-key-id': fc.oneof(fc.constant(Buffer.from('k1')), bytes),
    }),
    data: fc.option(bytes, { nil: null }),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(fc.oneof(claiming, payloads, fc.constant({})), { maxLength: 5 }), async (foreign) => {
      const decoded = await codec.decode(foreign, { type: 'workflow', namespace: 'default', workflowId: 'rollout/test/app' });
      assert.deepEqual(decoded, foreign);
    }),
  );
});

test('what a message brings in plain stays readable', async () => {
  const payload = defaultPayloadConverter.toPayload({ by: 'ann' });
  assert.deepEqual(await encryptionCodec(ringOf('k1')).decode([payload]), [payload]);
});

test('what a worker wrote with a key that is not here fails its task, which another worker can do', async () => {
  const context = { type: 'activity', namespace: 'default', workflowId: 'rollout/test/app', isLocal: false } as const;
  const codec = encryptionCodec(ringOf('k2', 'k0'));
  await assert.rejects(codec.decode([sealed('result')], context), /encrypted with the key "k1".*expected one of k2, k0/);
  const payload = defaultPayloadConverter.toPayload('plain');
  assert.deepEqual(await codec.decode([payload], context), [payload]);
});

test('keys that are none are named, all at once, and never shown', () => {
  const outcome = keyRingOf({
    keyId: 'k1',
    key: 'marked-secret-too-short',
    previous: [
      { keyId: 'k0', key: Buffer.alloc(16, 7).toString('base64') },
      { keyId: 'k1', key: `${keyText('k1')}\n` },
    ],
  });
  assert.ok(outcome.kind === 'invalid');
  assert.deepEqual(outcome.problems, [
    'temporal.encryption.key: found a secret of 23 characters, expected 32 bytes in base64; "openssl rand -base64 32" makes one',
    'temporal.encryption.previous[0].key: found a secret of 24 characters, expected 32 bytes in base64; "openssl rand -base64 32" makes one',
    'temporal.encryption.previous[1].keyId: found "k1" a second time, expected a name that no other key has',
  ]);
});
