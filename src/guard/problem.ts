/** Refusals and records as answers of HTTP: problem documents (RFC 9457), as the draft for Idempotency-Key asks. */
import type { Outcome } from './outcome.js';
import { KEPT_HEADERS, type StoredRecord } from './record.js';
import type { Refusal } from './refusal.js';

/** Says that an answer is an earlier one's. Nobody but the guard may say so: it is taken off what a handler answers. */
export const REPLAYED_HEADER = 'idempotent-replayed';

const OF_ANSWER = new Set([...KEPT_HEADERS, 'content-length', 'transfer-encoding', REPLAYED_HEADER]);

/** Whether only the answer itself may say this header, and none of the layers around it. `name` in lower case. */
export const isOfAnswer = (name: string): boolean => OF_ANSWER.has(name);

interface Problem {
  readonly status: number;
  readonly title: string;
  readonly detail: string;
}

export function answerOf(refusal: Refusal): Outcome {
  const retry = 'retryMs' in refusal ? { 'retry-after': String(Math.max(Math.ceil(refusal.retryMs / 1_000), 1)) } : {};
  return problem(refusal.kind, problemOf(refusal), retry);
}

/** A record whose body was not kept cannot be played again, and the effect is not repeated for its sake. */
export function replayOf({ status, headers, body }: StoredRecord): Outcome {
  if (body.kind === 'bytes') {
    // Every replay comes by here, and to spread the headers first gives each replay a shape of its own.
    const replayed: Record<string, string> = Object.assign({ 'idempotent-replayed': '' }, headers);
    replayed['idempotent-replayed'] = 'true';
    return { status, headers: replayed, body };
  }
  const detail =
    body.kind === 'streamed'
      ? 'The request was carried out. Its answer was a stream, which is not kept.'
      : 'The request was carried out. Its answer was too large to be kept.';
  const trace = body.kind === 'too-large' ? { sha256: body.sha256, length: body.length } : {};
  const { location } = headers;
  return problem(
    'already-done',
    { status: 409, title: 'Already done', detail },
    { [REPLAYED_HEADER]: 'true', ...(location === undefined ? {} : { location }) },
    { originalStatus: status, ...trace },
  );
}

export function problem(
  kind: string,
  { status, title, detail }: Problem,
  headers: Record<string, string>,
  more: object = {},
): Outcome {
  const text = JSON.stringify({ type: `urn:sluice:guard:${kind}`, title, status, detail, ...more });
  return {
    status,
    headers: { 'content-type': 'application/problem+json', 'cache-control': 'no-store', ...headers },
    body: { kind: 'bytes', bytes: Buffer.from(text) },
  };
}

function problemOf(refusal: Refusal): Problem {
  switch (refusal.kind) {
    case 'key-missing':
      return {
        status: 400,
        title: 'Idempotency-Key is missing',
        detail: 'Writes need the header Idempotency-Key: a new value for each new request, and the same one for its retries.',
      };
    case 'key-invalid':
      return { status: 400, title: 'Idempotency-Key is invalid', detail: `The key cannot be used: ${refusal.reason}.` };
    case 'body-too-large':
      return {
        status: 413,
        title: 'The body is too large',
        detail: `At most ${String(refusal.limitBytes)} bytes are taken here.`,
      };
    case 'mismatch':
      return {
        status: 422,
        title: 'Idempotency-Key was used for another request',
        detail:
          'Method, path, content type or body differ from the first request with this key. Take a new key for a new request.',
      };
    case 'outstanding':
      return {
        status: 409,
        title: 'A request with this Idempotency-Key is outstanding',
        detail: 'Repeat the same request after Retry-After to get its answer.',
      };
    case 'unknown':
      return {
        status: 409,
        title: 'The outcome of an earlier attempt is unknown',
        detail: 'An earlier attempt with this key began and did not end. Find out what became of it before you take a new key.',
      };
    case 'superseded':
      return {
        status: 409,
        title: 'The outcome is unknown',
        detail:
          'This attempt lost its claim while it ran, and another may have run since. Repeat the same request to get its answer.',
      };
    case 'store-down':
      return {
        status: 503,
        title: 'The request cannot be guarded now',
        detail:
          refusal.effect === 'none'
            ? 'Nothing was done. Repeat the same request after Retry-After.'
            : 'The request may have been carried out. Repeat it with the same key after Retry-After.',
      };
  }
}
