/** What a handler answered, and what that says about the effect. */

/** Bodies are bytes. A body that went out piece by piece, or one that is too large to keep, leaves only its trace. */
export type Body =
  | { readonly kind: 'bytes'; readonly bytes: Uint8Array }
  | { readonly kind: 'too-large'; readonly sha256: string; readonly length: number }
  | { readonly kind: 'streamed' };

export interface Outcome {
  readonly status: number;
  /** Names in lower case; a function may give them as it likes. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Body;
}

/**
 * What a function of the program's returned, with names in lower case. Throws `TypeError` for what is no outcome: a text, nothing,
 * or a body that is none. `whose` is in the message.
 */
export function checkedOutcome(returned: unknown, whose: string): Outcome {
  if (isOutcome(returned)) return inLowerCase(returned);
  const found = typeof returned === 'object' ? JSON.stringify(Object.keys(returned ?? {})) : `of type ${typeof returned}`;
  throw new TypeError(
    `what the function of ${whose} returned is no outcome (${found}): expected {status: 200, headers: {}, body: {kind: 'bytes', bytes}}`,
  );
}

/** Whoever writes `Location` means `location`, and would miss it in the replay. */
function inLowerCase(outcome: Outcome): Outcome {
  const headers = Object.entries(outcome.headers);
  if (headers.every(([name]) => name === name.toLowerCase())) return outcome;
  return { ...outcome, headers: Object.fromEntries(headers.map(([name, value]) => [name.toLowerCase(), value])) };
}

const BODIES: readonly unknown[] = ['bytes', 'too-large', 'streamed'] satisfies Body['kind'][];

function isOutcome(returned: unknown): returned is Outcome {
  const { status, headers, body } = (returned ?? {}) as Readonly<Partial<Record<keyof Outcome, unknown>>>;
  const { kind, bytes } = (body ?? {}) as { readonly kind?: unknown; readonly bytes?: unknown };
  // An answer that is sent in the end: 1xx come before it.
  const isStatus = Number.isInteger(status) && Number(status) >= 200 && Number(status) <= 599;
  const areHeaders =
    typeof headers === 'object' && headers !== null && Object.values(headers).every((value) => typeof value === 'string');
  return isStatus && areHeaders && BODIES.includes(kind) && (kind !== 'bytes' || bytes instanceof Uint8Array);
}

/** What is known about the effect: it happened, it did not, or nobody can say. */
export type Effect = 'done' | 'none' | 'unknown';

/** By these a server says that it did not take the request up, and clients send it again with the same key (R23, X23). */
const NOT_TAKEN_UP = new Set([408, 425, 429]);

/** A 5xx may come before or after the effect, and a bad candidate's 500 must not be the answer for ever after a rollback. */
export function effectOf(status: number): Effect {
  if (status >= 500) return 'unknown';
  return NOT_TAKEN_UP.has(status) ? 'none' : 'done';
}
