/** Bounded GETs: by the caller's signal, by time and by size. Whatever goes wrong on the way is transient. */
import { z } from 'zod';
import { ProviderError, transient } from '../errors.js';

/** The fields that every source shares which asks over HTTP. */
export const httpFields = {
  /** Sent with every request, credentials included; never in a message or a cursor. */
  headers: z.record(z.string(), z.string()).default({}),
  /** For one whole answer, its body included, in milliseconds. */
  timeoutMs: z.int().positive().default(3_000),
  maxBytes: z
    .int()
    .positive()
    .default(16 * 1024 * 1024),
};

/** Credentials belong into `headers`: an address stands in messages. */
export const httpUrl = z
  .string()
  .refine(isPlainHttpUrl, 'expected an http or https address without user and password (use headers)');

export interface GetOptions {
  readonly signal: AbortSignal;
  readonly headers: Readonly<Record<string, string>>;
  readonly timeoutMs: number;
  readonly maxBytes: number;
}

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: string;
}

/** Any status is an answer; a redirect is not followed, since it could carry the headers' credentials elsewhere. */
export async function get(url: URL, { signal, headers, timeoutMs, maxBytes }: GetOptions): Promise<Answer> {
  const stop = new AbortController();
  const giveUp = (): void => {
    stop.abort(transient(`gave up reading ${nameOf(url)}: the caller aborted`));
  };
  const timer = setTimeout(() => {
    stop.abort(transient(`${nameOf(url)} did not answer within ${String(timeoutMs)} ms`));
  }, timeoutMs);
  signal.addEventListener('abort', giveUp, { once: true });
  if (signal.aborted) giveUp();
  try {
    const response = await fetch(url, { headers, redirect: 'manual', signal: stop.signal });
    return { status: response.status, headers: response.headers, body: await readBody(response, url, maxBytes) };
  } catch (error) {
    if (error instanceof ProviderError) throw error;
    throw transient(`${nameOf(url)} could not be read: ${causeOf(error)}`, error);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', giveUp);
  }
}

/** All results, or the first error; what still runs then is aborted. */
export async function together<T>(signal: AbortSignal, tasks: readonly ((signal: AbortSignal) => Promise<T>)[]): Promise<T[]> {
  const stop = new AbortController();
  const giveUp = (): void => {
    // A reason of no weight: without one an abort makes an exception with a stack, after every call that went well.
    stop.abort('over');
  };
  signal.addEventListener('abort', giveUp, { once: true });
  if (signal.aborted) giveUp();
  try {
    return await Promise.all(tasks.map((task) => task(stop.signal)));
  } finally {
    signal.removeEventListener('abort', giveUp);
    giveUp();
  }
}

/** Without the query, which may hold a token: this goes into messages and histories. */
export const nameOf = (url: URL): string => `${url.origin}${url.pathname}`;

async function readBody(response: Response, url: URL, maxBytes: number): Promise<string> {
  const decoder = new TextDecoder();
  let text = '';
  let bytes = 0;
  for await (const chunk of (response.body ?? []) as AsyncIterable<Uint8Array>) {
    bytes += chunk.byteLength;
    if (bytes > maxBytes) throw transient(`${nameOf(url)} answered with more than ${String(maxBytes)} bytes`);
    text += decoder.decode(chunk, { stream: true });
  }
  return text + decoder.decode();
}

/** `fetch failed` says nothing; what it was caused by does. */
function causeOf(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown error';
  return error.cause instanceof Error ? error.cause.message || error.cause.name : error.message;
}

function isPlainHttpUrl(text: string): boolean {
  try {
    const { protocol, username, password } = new URL(text);
    return (protocol === 'http:' || protocol === 'https:') && username === '' && password === '';
  } catch {
    return false;
  }
}
