/** What is kept of an outcome, and how it looks as bytes. */
import { isUtf8 } from 'node:buffer';
import { createHash } from 'node:crypto';
import { asBuffer, FEW_BYTES } from './bytes.js';
import type { Body, Outcome } from './outcome.js';

export interface StoredRecord extends Outcome {
  /** The revision that produced it. */
  readonly revision: string;
}

export const BODY_LIMIT_BYTES = 256 * 1024;

/**
 * What the answer is without: never a cookie, never what belongs to one connection or one caller. `content-encoding` is part
 * of the bytes' meaning: without it a compressed body would come back as noise.
 */
export const KEPT_HEADERS: readonly string[] = [
  'content-type',
  'content-encoding',
  'content-language',
  'etag',
  'last-modified',
  'link',
  'location',
];

export function recordOf(outcome: Outcome, revision: string): StoredRecord {
  return { status: outcome.status, headers: keptOf((name) => outcome.headers[name]), body: withinLimit(outcome.body), revision };
}

export function keptOf(read: (name: string) => string | undefined): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const name of KEPT_HEADERS) {
    const value = read(name);
    if (value !== undefined) headers[name] = value;
  }
  return headers;
}

function withinLimit(body: Body): Body {
  if (body.kind !== 'bytes' || body.bytes.byteLength <= BODY_LIMIT_BYTES) return body;
  return { kind: 'too-large', sha256: createHash('sha256').update(body.bytes).digest('hex'), length: body.bytes.byteLength };
}

interface Head {
  readonly v: 1;
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly revision: string;
  /** Absent: the bytes follow. */
  readonly body?: Exclude<Body, { kind: 'bytes' }>;
}

/** One line of JSON, then the body's bytes as they are. */
export function encodeRecord(record: StoredRecord): Buffer {
  const { body } = record;
  const head = Buffer.from(headLine(record));
  return body.kind === 'bytes' ? Buffer.concat([head, body.bytes]) : head;
}

/** The same as a text, where it is small and is one: clients send a text in one piece with the command around it. */
export function encodeRecordAsText(record: StoredRecord): string | Buffer {
  const { body } = record;
  if (body.kind !== 'bytes') return headLine(record);
  if (body.bytes.byteLength > FEW_BYTES || !isUtf8(body.bytes)) return encodeRecord(record);
  return headLine(record) + asBuffer(body.bytes).toString();
}

function headLine({ status, headers, revision, body }: StoredRecord): string {
  const head: Head = { v: 1, status, headers, revision };
  return `${JSON.stringify(body.kind === 'bytes' ? head : { ...head, body })}\n`;
}

/** A record that a later version wrote is an error, never a guess: the caller fails closed and the effect stays done once. */
export function decodeRecord(bytes: Buffer): StoredRecord {
  const end = bytes.indexOf(0x0a);
  const { v, status, headers, revision, body } = JSON.parse(bytes.subarray(0, end).toString()) as Omit<Head, 'v'> & { v: number };
  if (v !== 1) throw new Error(`the record has version ${String(v)}, this guard reads version 1: update the guard`);
  return { status, headers, revision, body: body ?? { kind: 'bytes', bytes: bytes.subarray(end + 1) } };
}
