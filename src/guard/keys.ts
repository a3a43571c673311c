/** Who is asking for what: the scope of a key, the forms its header may take, and the one name under which it is stored. */
import { hash } from 'node:crypto';

/**
 * Two requests are the same request when all four agree. `tenant` is whoever was authenticated, never something that the
 * caller may choose: without it one caller's key would open another caller's answer.
 */
export interface Scope {
  readonly tenant: string;
  /** `POST`, or `JOB` for a job. */
  readonly method: string;
  /** The route's pattern (`/orders/:id`), or the job's name. */
  readonly route: string;
  readonly key: string;
}

/** The name of a scope in a store: 64 hexadecimal digits. */
export type StoreKey = string & { readonly brand: 'StoreKey' };

export const KEY_LIMIT_BYTES = 255;

export type ParsedKey =
  | { readonly kind: 'key'; readonly key: string }
  | { readonly kind: 'missing' }
  | { readonly kind: 'invalid'; readonly reason: string };

/** A structured-field string (RFC 9651, 3.3.3): printable ASCII, in which only the quote and the backslash are escaped. */
const QUOTED = /^"((?:[ !#-[\]-~]|\\["\\])*)"$/;
/** What clients send that never read the draft. A comma would be two headers that somebody joined. */
const BARE = /^[!#-+\--~]+$/;

/** The key within an `Idempotency-Key` header. `"abc"` and `abc` are one key. */
export function parseKey(header: string | undefined): ParsedKey {
  const text = header?.trim() ?? '';
  if (text === '') return { kind: 'missing' };
  const quoted = QUOTED.exec(text)?.[1];
  const key = quoted === undefined ? text : quoted.replace(/\\(["\\])/g, '$1');
  if (quoted === undefined && !BARE.test(text))
    return { kind: 'invalid', reason: 'it is neither a quoted string nor printable ASCII without spaces, quotes and commas' };
  return checkedKey(key);
}

/** For keys that come from elsewhere than a header: 1 to 255 printable bytes. */
export function checkedKey(key: string): ParsedKey {
  if (typeof (key as unknown) !== 'string') return { kind: 'invalid', reason: `it is of type ${typeof key}` };
  if (key === '') return { kind: 'invalid', reason: 'it is empty' };
  if (!/^[ -~]+$/.test(key)) return { kind: 'invalid', reason: 'it has bytes that are not printable ASCII' };
  if (key.length > KEY_LIMIT_BYTES)
    return { kind: 'invalid', reason: `it has ${String(key.length)} bytes, at most ${String(KEY_LIMIT_BYTES)} are allowed` };
  return { kind: 'key', key };
}

/** A JSON array keeps the fields apart: `["ab","c"]` is not `["a","bc"]`. */
export function storeKey({ tenant, method, route, key }: Scope): StoreKey {
  return hash('sha256', JSON.stringify([tenant, method, route, key])) as StoreKey;
}
