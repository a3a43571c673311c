/**
 * Encryption of what Temporal stores: plans, messages, timelines, memos, heartbeats. Optional (`temporal.encryption`), for every
 * participant alike: AES-256-GCM with a fresh nonce a payload, laid out as Temporal's own samples do it, so that their codec
 * servers read it. Never imported by workflow code, which sees plain values only.
 *
 * Random nonces of 96 bits are safe for some 2^32 payloads a key (NIST SP 800-38D §8.3); a rotation begins anew.
 */
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import type { Payload, PayloadCodec } from '@temporalio/common';
import protos from '@temporalio/proto';

/** A key as the configuration has it once its secret is resolved. */
export interface EncryptionKey {
  readonly keyId: string;
  /** 32 bytes in base64. */
  readonly key: string;
}

/** One key encrypts; the previous ones still decrypt. */
export interface EncryptionKeys extends EncryptionKey {
  readonly previous?: readonly EncryptionKey[] | undefined;
}

export interface KeyRing {
  readonly current: string;
  readonly keys: ReadonlyMap<string, Uint8Array>;
}

export type KeyRingOutcome =
  | { readonly kind: 'ok'; readonly ring: KeyRing }
  /** One line a mistake, beginning with the field; no key stands in it. */
  | { readonly kind: 'invalid'; readonly problems: readonly string[] };

const KEY_BYTES = 32;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const ALGORITHM = 'aes-256-gcm';
const ENCODING = 'binary/encrypted';
const KEY_ID = 'encryption-key-id';
const KEY_TEXT = /^[A-Za-z0-9+/]{43}=$/;

const { Payload: Wire } = protos.temporal.api.common.v1;

export function keyRingOf({ keyId, key, previous = [] }: EncryptionKeys): KeyRingOutcome {
  const named = [
    { path: 'temporal.encryption', keyId, key },
    ...previous.map((older, index) => ({ path: `temporal.encryption.previous[${index}]`, ...older })),
  ].map(({ key: text, ...rest }) => ({ ...rest, text: text.trim() }));
  const problems = named.flatMap(({ path, keyId: id, text }, index) => [
    ...(KEY_TEXT.test(text)
      ? []
      : [
          `${path}.key: found a secret of ${text.length} characters, expected ${KEY_BYTES} bytes in base64; "openssl rand -base64 ${KEY_BYTES}" makes one`,
        ]),
    ...(named.findIndex((other) => other.keyId === id) === index
      ? []
      : [`${path}.keyId: found "${id}" a second time, expected a name that no other key has`]),
  ]);
  if (problems.length > 0) return { kind: 'invalid', problems };
  return {
    kind: 'ok',
    ring: { current: keyId, keys: new Map(named.map(({ keyId: id, text }) => [id, Buffer.from(text, 'base64')])) },
  };
}

/**
 * Total where anybody may have written: what a message brings is left as it is when it cannot be decrypted. What a worker wrote,
 * an activity's input, result, heartbeat or failure, is not guessed at: with a key missing the task fails, is tried again, and
 * goes on where a worker has the key.
 */
export function encryptionCodec(ring: KeyRing): PayloadCodec {
  return {
    encode: (payloads) => Promise.resolve(payloads.map((payload) => encrypt(payload, ring))),
    decode: (payloads, context) => {
      const decrypted = payloads.map((payload) => decrypt(payload, ring));
      const locked = context?.type === 'activity' ? decrypted.map(encryptedWith).find((keyId) => keyId !== undefined) : undefined;
      return locked === undefined
        ? Promise.resolve(decrypted)
        : Promise.reject(
            new Error(
              `a payload is encrypted with the key "${locked}", which does not decrypt it here; expected one of ${[...ring.keys.keys()].join(', ')}: give every worker the same temporal.encryption`,
            ),
          );
    },
  };
}

export function encrypt(payload: Payload, { current, keys }: KeyRing): Payload {
  const nonce = randomBytes(NONCE_BYTES);
  const cipher = createCipheriv(ALGORITHM, keyOf(keys, current), nonce);
  const plain = Wire.encode(payload).finish();
  const data = Buffer.concat([nonce, cipher.update(plain), cipher.final(), cipher.getAuthTag()]);
  return { metadata: { encoding: Buffer.from(ENCODING), [KEY_ID]: Buffer.from(current) }, data };
}

/**
 * Total: what is not encrypted, or cannot be decrypted (a key that is not there, a changed byte), is left as it is. The payload
 * converter then makes it `{ undecodable }`; an exception for a message would fail the workflow task for ever, an abort's included.
 */
export function decrypt(payload: Payload, ring: KeyRing | undefined): Payload {
  const key = ring?.keys.get(encryptedWith(payload) ?? '');
  const { data } = payload;
  if (key === undefined || data === null || data === undefined || data.length < NONCE_BYTES + TAG_BYTES) return payload;
  try {
    const end = data.length - TAG_BYTES;
    const decipher = createDecipheriv(ALGORITHM, key, data.subarray(0, NONCE_BYTES), { authTagLength: TAG_BYTES });
    decipher.setAuthTag(data.subarray(end));
    return Wire.decode(Buffer.concat([decipher.update(data.subarray(NONCE_BYTES, end)), decipher.final()]));
  } catch {
    return payload;
  }
}

/** The name of the key; undefined where the payload is not encrypted. */
export function encryptedWith({ metadata }: Payload): string | undefined {
  return textOf(metadata?.['encoding']) === ENCODING ? textOf(metadata?.[KEY_ID]) : undefined;
}

const textOf = (bytes: Uint8Array | undefined): string => Buffer.from(bytes ?? []).toString('utf8');

function keyOf(keys: KeyRing['keys'], keyId: string): Uint8Array {
  const key = keys.get(keyId);
  if (key === undefined) throw new Error(`the key ring lacks its own current key "${keyId}"`);
  return key;
}
