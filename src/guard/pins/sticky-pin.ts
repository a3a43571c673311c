/**
 * What must come back to the revision where it began, such as a stream that reconnects, carries a signed pin of its ramp (A17).
 * A pin means nothing in another ramp, once its ramp is revoked, or past its time: it is ignored, never an error.
 */
import { createHmac, timingSafeEqual } from 'node:crypto';
import type { Instant } from '../../domain/words.js';

export interface StickyPin {
  readonly ramp: string;
  readonly revision: string;
  /** By the clocks of those who sign and read: milliseconds since the epoch. Give it minutes. */
  readonly exp: Instant;
}

export interface PinKey {
  /** 1 to 32 letters, digits, `_` and `-`. */
  readonly id: string;
  /** At least 32 bytes, known to both revisions. */
  readonly secret: Uint8Array;
}

/** The first signs; both are accepted, so that a key can be changed while pins are about. */
export type PinKeys = readonly [current: PinKey] | readonly [current: PinKey, previous: PinKey];

export interface PinReading {
  readonly keys: PinKeys;
  readonly now: Instant;
  /** The ramp that is open now. */
  readonly ramp: string | undefined;
  readonly isRevoked: (ramp: string) => boolean;
}

export type ReadPin =
  | { readonly kind: 'pin'; readonly pin: StickyPin }
  | {
      readonly kind: 'ignored';
      readonly why: 'none' | 'malformed' | 'unknown-key' | 'forged' | 'expired' | 'other-ramp' | 'revoked';
    };

const VERSION = 'v1';
/** Longer than any pin of ours: whatever comes in is bounded before it is looked at. */
const LIMIT = 1_024;
const SECRET_BYTES = 32;

/** `v1.<key id>.<what it says>.<HMAC-SHA256>`, fit for a header, a cookie or a query. Throws `RangeError` for keys that are none. */
export function signPin(keys: PinKeys, { ramp, revision, exp }: StickyPin): string {
  const [key] = checkedKeys(keys);
  const said = `${VERSION}.${key.id}.${Buffer.from(JSON.stringify({ ramp, revision, exp })).toString('base64url')}`;
  const pin = `${said}.${macOf(key, said)}`;
  if (pin.length > LIMIT) throw new RangeError(`the pin has ${String(pin.length)} characters, at most ${String(LIMIT)} are read`);
  return pin;
}

/** Never throws for what came in. */
export function readPin(text: string | undefined, { keys, now, ramp, isRevoked }: PinReading): ReadPin {
  const known: readonly PinKey[] = checkedKeys(keys);
  if (text === undefined || text === '') return ignored('none');
  // A query parameter that was sent twice is a list.
  if (typeof (text as unknown) !== 'string') return ignored('malformed');
  const parts = text.length > LIMIT ? [] : text.split('.');
  const [version, id = '', payload = '', mac = ''] = parts;
  if (parts.length !== 4 || version !== VERSION) return ignored('malformed');
  const key = known.find((one) => one.id === id);
  if (key === undefined) return ignored('unknown-key');
  // The text is compared, not what it decodes to: several texts of base64 decode to the same bytes.
  if (!areEqual(mac, macOf(key, `${version}.${id}.${payload}`))) return ignored('forged');
  const pin = pinFrom(payload);
  if (pin === undefined) return ignored('malformed');
  if (!(now < pin.exp)) return ignored('expired');
  if (isRevoked(pin.ramp)) return ignored('revoked');
  return pin.ramp === ramp ? { kind: 'pin', pin } : ignored('other-ramp');
}

const ignored = (why: Extract<ReadPin, { kind: 'ignored' }>['why']): ReadPin => ({ kind: 'ignored', why });

const macOf = ({ secret }: PinKey, said: string): string => createHmac('sha256', secret).update(said).digest('base64url');

/** In a time that says nothing about where they differ. The length of a MAC is no secret. */
function areEqual(given: string, expected: string): boolean {
  const [one, other] = [Buffer.from(given), Buffer.from(expected)];
  return one.length === other.length && timingSafeEqual(one, other);
}

/** Signed by us, but perhaps by a version of us that said other things. */
function pinFrom(payload: string): StickyPin | undefined {
  try {
    const { ramp, revision, exp } = JSON.parse(Buffer.from(payload, 'base64url').toString()) as Partial<
      Record<keyof StickyPin, unknown>
    >;
    return typeof ramp === 'string' && typeof revision === 'string' && typeof exp === 'number'
      ? { ramp, revision, exp }
      : undefined;
  } catch {
    return undefined;
  }
}

function checkedKeys(keys: PinKeys): PinKeys {
  for (const { id, secret } of keys) {
    if (!/^[\w-]{1,32}$/.test(id)) throw new RangeError('the id of a pin key is 1 to 32 letters, digits, _ and -');
    if (!((secret as unknown) instanceof Uint8Array))
      throw new RangeError(
        `the secret of the pin key ${id} is of type ${typeof secret}, expected bytes: Buffer.from(…, 'base64')`,
      );
    if (secret.byteLength < SECRET_BYTES)
      throw new RangeError(
        `the pin key ${id} has ${String(secret.byteLength)} bytes, at least ${String(SECRET_BYTES)} are needed`,
      );
  }
  if (keys.length === 2 && keys[0].id === keys[1].id) throw new RangeError(`both pin keys have the id ${keys[0].id}`);
  return keys;
}
