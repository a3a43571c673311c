/** What a request asks for, in one short string: the same key with another fingerprint is another request (422). */
import { createHash, hash } from 'node:crypto';
import { FEW_BYTES } from './bytes.js';

export interface Asked {
  readonly method: string;
  /** As it was asked for, query included. */
  readonly path: string;
  readonly contentType: string;
  /** As they came over the wire: parsed and printed again, two different requests can look alike. A text stands for its UTF-8. */
  readonly bytes: Uint8Array | string;
}

/**
 * `v1:` and the sha256 of method, path, content type and raw bytes, each with its length before it. The version lets two
 * revisions that run side by side tell an old way of counting from another request.
 */
export function fingerprint({ method, path, contentType, bytes }: Asked): string {
  return digest(method.toUpperCase(), path, contentType.trim().toLowerCase(), bytes);
}

/** For a hook that says what matters in a request: bodies that mean the same may then differ in their bytes. */
export function semanticFingerprint({ method, path }: Pick<Asked, 'method' | 'path'>, meaning: string): string {
  return digest('meaning', method.toUpperCase(), path, meaning);
}

function digest(first: string, second: string, third: string, last: string | Uint8Array): string {
  return `v1:${sha256(`${withLength(first)}${withLength(second)}${withLength(third)}${lengthOf(last)}`, last)}`;
}

/** Every request pays for it: a hash of one text or one piece is cheaper than an object that takes several. */
function sha256(before: string, last: string | Uint8Array): string {
  if (typeof last === 'string') return hash('sha256', before + last);
  if (last.byteLength > FEW_BYTES) return createHash('sha256').update(before).update(last).digest('hex');
  const head = Buffer.byteLength(before);
  const whole = Buffer.allocUnsafe(head + last.byteLength);
  whole.write(before);
  whole.set(last, head);
  return hash('sha256', whole);
}

const withLength = (field: string): string => `${lengthOf(field)}${field}`;
const lengthOf = (field: string | Uint8Array): string => `${String(Buffer.byteLength(field))}:`;
