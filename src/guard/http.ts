/** The rules for requests, shared by every adapter: `(meta, bytes)` → run it, pass it, or answer so. */
import { EVERY_ROUTE } from './events.js';
import { fingerprint, semanticFingerprint } from './fingerprint.js';
import type { Execution } from './execution.js';
import type { Guard } from './guard.js';
import { parseKey } from './keys.js';
import type { Outcome } from './outcome.js';
import { answerOf, replayOf } from './problem.js';
import { checkOptions, checkValue, having, needed, optional, type Wants } from './options.js';
import { CHOICES, resolveChoices, type RunChoices } from './spec.js';

export const KEY_HEADER = 'idempotency-key';

export interface RequestMeta {
  readonly method: string;
  /** The pattern of the route. */
  readonly route: string;
  /** With its query. */
  readonly path: string;
  readonly contentType: string | undefined;
  /** As it came. */
  readonly key: string | undefined;
}

/** What a route chooses. `Request` is the adapter's. */
export interface HttpOptions<Request> extends RunChoices {
  /** Who was authenticated. An empty name is an error: callers who share a tenant share their keys. */
  readonly tenant: (request: Request) => string;
  /** Guarded methods; `POST`, `PUT`, `PATCH` and `DELETE` unless told (R19). Others pass. */
  readonly methods?: readonly string[] | undefined;
  /** What the body means, where two bodies may differ and mean the same. Without it every byte counts. */
  readonly meaning?: ((request: Request, bytes: Uint8Array) => string) | undefined;
  /** Media types that are streams: they pass unbuffered and are recorded as done, not replayable. */
  readonly streamTypes?: readonly string[] | undefined;
}

export type HttpBeginning =
  | { readonly kind: 'pass' }
  | { readonly kind: 'answer'; readonly outcome: Outcome }
  | { readonly kind: 'execute'; readonly execution: Execution };

const WRITES: readonly string[] = ['POST', 'PUT', 'PATCH', 'DELETE'];
const STREAM_TYPES: readonly string[] = ['text/event-stream', 'application/x-ndjson'];

/** By its method (R19). */
export const isWrite = isOneOf(WRITES);

function isOneOf(methods: readonly string[]): (method: string) => boolean {
  const known = new Set(methods.map((method) => method.toUpperCase()));
  return (method) => known.has(method.toUpperCase());
}

const HTTP_WANTS: Wants<HttpOptions<never>> = {
  ...CHOICES,
  tenant: needed('function', 'a function that names whoever was authenticated'),
  // A guard of no method would guard nothing.
  methods: optional('someTexts', 'a list of methods, such as ["POST"]'),
  meaning: optional('function', 'a function that says what the body means'),
  streamTypes: optional('texts', 'a list of media types'),
};

/**
 * Gives which methods are guarded. Throws where the guard is set up, and not at the first request. `more` are the options that the
 * adapter `whose` has besides.
 */
export function guardedMethods<Options extends HttpOptions<never>>(
  whose: string,
  guard: Guard,
  options: Options,
  more: Wants<Omit<Options, keyof HttpOptions<never>>>,
): (method: string) => boolean {
  checkValue(`the guard of ${whose}`, guard, having('begin', 'new Guard({…}), or what service.guard({…}) gives'));
  checkOptions(whose, options, { ...HTTP_WANTS, ...more } as Wants<Options>);
  resolveChoices(options);
  return options.methods === undefined ? isWrite : isOneOf(options.methods);
}

export function isStream(contentType: string | undefined, types = STREAM_TYPES): boolean {
  if (contentType === undefined) return false;
  const end = contentType.indexOf(';');
  return types.includes((end < 0 ? contentType : contentType.slice(0, end)).trim().toLowerCase());
}

/** In `observe` a request that cannot be looked at runs as before. */
export function inMode(guard: Guard, mode: RunChoices['mode'], begin: () => Promise<HttpBeginning>): Promise<HttpBeginning> {
  if (mode !== 'observe') return begin();
  return Promise.resolve()
    .then(begin)
    .catch((error: unknown) => {
      guard.count('unobserved', EVERY_ROUTE, true, error);
      return { kind: 'pass' };
    });
}

/** For a request whose method is guarded. */
export async function beginRequest<Request>(
  guard: Guard,
  options: HttpOptions<Request>,
  meta: RequestMeta,
  bytes: Uint8Array,
  request: Request,
): Promise<HttpBeginning> {
  const isObserving = options.mode === 'observe';
  const parsed = parseKey(meta.key);
  if (parsed.kind !== 'key') {
    const refusal =
      parsed.kind === 'missing' ? ({ kind: 'key-missing' } as const) : ({ ...parsed, kind: 'key-invalid' } as const);
    guard.count(refusal.kind, meta.route, isObserving);
    return isObserving ? { kind: 'pass' } : { kind: 'answer', outcome: answerOf(refusal) };
  }
  const asked = { method: meta.method, path: meta.path, contentType: meta.contentType ?? '', bytes };
  const { leaseMs, retainMs, onLost, onStoreDown, mode } = options;
  const beginning = await guard.begin({
    scope: { tenant: options.tenant(request), method: meta.method.toUpperCase(), route: meta.route, key: parsed.key },
    fingerprint: options.meaning === undefined ? fingerprint(asked) : semanticFingerprint(asked, options.meaning(request, bytes)),
    leaseMs,
    retainMs,
    onLost,
    onStoreDown,
    mode,
  });
  switch (beginning.kind) {
    case 'execute':
      return beginning;
    case 'replay':
      return { kind: 'answer', outcome: replayOf(beginning.record) };
    case 'refuse':
      return { kind: 'answer', outcome: answerOf(beginning.refusal) };
  }
}
