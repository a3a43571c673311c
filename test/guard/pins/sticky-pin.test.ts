/** Signed pins: only what one of two keys signed, for this ramp, in time, and while the ramp is not revoked. */
import assert from 'node:assert/strict';
import { createHmac, randomBytes } from 'node:crypto';
import { test } from 'node:test';
import fc from 'fast-check';
import { readPin, signPin, type PinKey, type PinReading, type StickyPin } from '../../../src/guard/pins/sticky-pin.js';

const NEW: PinKey = { id: 'k2', secret: randomBytes(32) };
const OLD: PinKey = { id: 'k1', secret: randomBytes(32) };
const PIN: StickyPin = { ramp: '9f3c1e~0a1b2c3d', revision: 'green', exp: 1_000 };

const read = (text: string | undefined, change: Partial<PinReading> = {}): string => {
  const found = readPin(text, { keys: [NEW, OLD], now: 0, ramp: PIN.ramp, isRevoked: () => false, ...change });
  return found.kind === 'pin' ? `pin to ${found.pin.revision}` : found.why;
};

test('a pin is read as it was signed, whatever its names are', () => {
  const pin = fc.record({ ramp: fc.string(), revision: fc.string(), exp: fc.integer({ min: 1 }) }, { noNullPrototype: true });
  fc.assert(
    fc.property(pin, (given) => {
      const found = readPin(signPin([NEW], given), { keys: [NEW], now: 0, ramp: given.ramp, isRevoked: () => false });
      assert.deepEqual(found, { kind: 'pin', pin: given });
    }),
  );
});

test('both keys are accepted, so that a key can be changed; a third is not', () => {
  assert.equal(read(signPin([NEW, OLD], PIN)), 'pin to green');
  assert.equal(read(signPin([OLD], PIN)), 'pin to green');
  assert.match(signPin([NEW, OLD], PIN), /^v1\.k2\./);
  assert.equal(read(signPin([{ id: 'k0', secret: randomBytes(32) }], PIN)), 'unknown-key');
  assert.equal(read(signPin([{ id: 'k1', secret: randomBytes(32) }], PIN)), 'forged');
});

test('every byte counts: whichever of them is another one, the pin is ignored', () => {
  const signed = signPin([NEW], PIN);
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.=+/ ';
  let tampered = 0;
  for (let at = 0; at < signed.length; at++) {
    for (const byte of alphabet) {
      if (byte === signed[at]) continue;
      assert.notEqual(read(`${signed.slice(0, at)}${byte}${signed.slice(at + 1)}`), 'pin to green', `byte ${String(at)}`);
      tampered++;
    }
    assert.notEqual(read(signed.slice(0, at) + signed.slice(at + 1)), 'pin to green', `without byte ${String(at)}`);
  }
  assert.ok(tampered > 5_000);
  for (const more of ['=', '.', 'A', ' ']) assert.notEqual(read(`${signed}${more}`), 'pin to green');
});

test('whatever comes in, reading never throws and never finds a pin that nobody signed', () => {
  const part = fc.oneof(fc.string(), fc.base64String(), fc.constantFrom('v1', 'k1', 'k2', ''));
  const anything = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 2_000 }),
    fc.array(part, { minLength: 3, maxLength: 5 }).map((parts) => parts.join('.')),
    fc.tuple(part, part).map(([payload, mac]) => `v1.k2.${payload}.${mac}`),
  );
  fc.assert(
    fc.property(anything, (text) => {
      assert.ok(!read(text).startsWith('pin'));
    }),
    { numRuns: 20_000 },
  );
});

test('a query parameter that was sent twice is no pin', () => {
  assert.equal(read(['a', 'b'] as unknown as string), 'malformed');
});

test('a pin of another ramp, one whose ramp is revoked, and one past its time are ignored', () => {
  const signed = signPin([NEW], PIN);
  assert.equal(read(signed, { ramp: '9f3c1e~ffffffff' }), 'other-ramp');
  assert.equal(read(signed, { ramp: undefined }), 'other-ramp');
  assert.equal(read(signed, { isRevoked: (ramp) => ramp === PIN.ramp }), 'revoked');
  assert.deepEqual([read(signed, { now: 999 }), read(signed, { now: 1_000 })], ['pin to green', 'expired']);
  assert.equal(read(signed, { now: NaN }), 'expired');
  assert.deepEqual([read(undefined), read('')], ['none', 'none']);
});

test('what a later version signed with our key, and says other things, is ignored', () => {
  const sign = (says: unknown): string => {
    const said = `v1.k2.${Buffer.from(JSON.stringify(says)).toString('base64url')}`;
    return `${said}.${createHmac('sha256', NEW.secret).update(said).digest('base64url')}`;
  };
  assert.equal(read(sign(PIN)), 'pin to green', 'the form of a pin is not what this test says');
  for (const says of [null, 7, {}, { ...PIN, exp: '1000' }, { ...PIN, ramp: undefined }, [PIN]])
    assert.equal(read(sign(says)), 'malformed');
});

test('keys that are too short, have no usable name or the same one are an error in the program', () => {
  assert.throws(() => signPin([{ id: 'k1', secret: randomBytes(31) }], PIN), /at least 32/);
  for (const secret of ['', 'short', undefined] as unknown as Uint8Array[])
    assert.throws(() => signPin([{ id: 'k1', secret }], PIN), /secret of the pin key k1 is of type \w+, expected bytes/);
  assert.throws(() => signPin([{ id: 'a.b', secret: randomBytes(32) }], PIN), /1 to 32 letters/);
  assert.throws(() => read('', { keys: [NEW, { ...OLD, id: 'k2' }] }), /both pin keys/);
  assert.throws(() => signPin([NEW], { ...PIN, revision: 'x'.repeat(1_024) }), /at most 1024/);
});
