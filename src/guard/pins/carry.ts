/**
 * Carries a request to the revision that it belongs to, and its answer back, byte by byte, in both directions at the pace of the
 * slower side. The same host, path and key. Never tried twice: what reached the other revision may have had its effect there.
 */
import type { Readable } from 'node:stream';
import { Agent } from 'undici';
import { HOP_BY_HOP, namedBy } from '../../http/hop-by-hop.js';
import type { Outcome } from '../outcome.js';
import { problem } from '../problem.js';
import { HOP_HEADER, type PinGate, type RevisionTarget } from './admit.js';

/** `expect` was answered here. */
const NOT_ONWARD: readonly string[] = [...HOP_BY_HOP, 'expect', HOP_HEADER];
const CONNECT_TIMEOUT_MS = 2_000;

/** Quiet streams are not cut for being quiet. */
const agent = new Agent({ connect: { timeout: CONNECT_TIMEOUT_MS }, bodyTimeout: 0 });

export interface Onward {
  readonly method: string;
  /** With its query. */
  readonly path: string;
  /** Names and values, `host` among them. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body: Readable | Uint8Array | null;
  readonly signal: AbortSignal;
}

export interface Carried {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[]>>;
  readonly body: Readable;
}

/** Resolves when the head is there. Rejects when there was no answer. */
export async function carry({ method, path, headers, body, signal }: Onward, target: RevisionTarget): Promise<Carried> {
  const added = Object.entries({ ...target.headers, [HOP_HEADER]: '1' });
  const named = headers.filter(([name]) => name.toLowerCase() === 'connection').flatMap(([, value]) => namedBy(value));
  const dropped = [...NOT_ONWARD, ...added.map(([name]) => name.toLowerCase()), ...named];
  const answer = await agent.request({
    origin: new URL(target.url).origin,
    path,
    method: method,
    headers: [...headers.filter(([name]) => !dropped.includes(name.toLowerCase())), ...added].flat(),
    body,
    signal,
  });
  const kept = Object.entries(answer.headers).filter(
    (entry): entry is [string, string | string[]] => entry[1] !== undefined && !HOP_BY_HOP.includes(entry[0]),
  );
  return { status: answer.statusCode, headers: Object.fromEntries(kept), body: answer.body };
}

/**
 * A 5xx, for the request may have had its effect; the same request with the same key finds out. Of the error no more than its code
 * is told: where the other revision lies is nobody's business outside. `stamp`: this revision's pins.
 */
export function unreachable({ revision }: RevisionTarget, error: unknown, stamp: PinGate['stamp']): Outcome {
  return problem(
    'revision-unreachable',
    {
      status: 502,
      title: 'The matching revision did not answer',
      detail: `${revision} was to serve this request, and did not answer (${codeOf(error)}). Repeat it with the same key.`,
    },
    stamp,
  );
}

function codeOf(error: unknown): string {
  const { code, name } = (error ?? {}) as { readonly code?: unknown; readonly name?: unknown };
  return typeof code === 'string' ? code : String(name);
}
