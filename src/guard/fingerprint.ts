/** What a request asks for, in one short string: the same key with another fingerprint is another request (422). */
import { createHash } from 'node:crypto';

export interface Asked {
  readonly method: string;
  /** As it was asked for, query included. */
  readonly path: string;
  readonly contentType: string;
  /** As they came over the wire: parsed and printed again, two different requests can look alike. */
  readonly bytes: Uint8Array;
}

/**
 * `v1:` and the sha256 of method, path, content type and raw bytes, each with its length before it. The version lets two
 * revisions that run side by side tell an old way of counting from another request.
 */
export function fingerprint({ method, path, contentType, bytes }: Asked): string {
  return digest([method.toUpperCase(), path, contentType.trim().toLowerCase()], bytes);
}

/** For a hook that says what matters in a request: bodies that mean the same may then differ in their bytes. */
export function semanticFingerprint({ method, path }: Pick<Asked, 'method' | 'path'>, meaning: string): string {
  return digest(['meaning', method.toUpperCase(), path], meaning);
}

function digest(fields: readonly string[], last: string | Uint8Array): string {
  // Every request pays for each call of `update`, so the short fields go in as one.
  const before = fields.map((field) => `${lengthOf(field)}${field}`).join('');
  return `v1:${createHash('sha256')
    .update(`${before}${lengthOf(last)}`)
    .update(last)
    .digest('hex')}`;
}

const lengthOf = (field: string | Uint8Array): string => `${String(Buffer.byteLength(field))}:`;
