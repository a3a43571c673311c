/** One bounded request with a JSON body, for adapters that talk to services of the platform. */
import { permanent, ProviderError, transient } from './errors.js';

export interface HttpCall {
  readonly method: 'GET' | 'POST';
  readonly url: string;
  /** Stands in messages in place of the address, which may be a credential. */
  readonly name: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  /** For the whole answer, its body included. */
  readonly timeoutMs: number;
  readonly fetch: typeof globalThis.fetch;
}

/** Answers of these services are small; a longer one is somebody else's. */
const LONGEST = 1_048_576;
/** The service asks for another try, or could not say. */
const TRY_AGAIN: readonly number[] = [408, 425, 429];

/**
 * The body of a 2xx answer. 408, 425, 429, 5xx and everything on the way is transient; any other status says that trying again
 * cannot help. Redirects are not followed: they could carry the credentials elsewhere.
 */
export async function callHttp({ method, url, name, headers = {}, body, timeoutMs, fetch }: HttpCall): Promise<string> {
  const asked = `${name}: ${method}`;
  try {
    const response = await fetch(url, {
      method,
      headers: { accept: 'application/json', ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...headers },
      ...(body === undefined ? {} : { body }),
      redirect: 'manual',
      signal: AbortSignal.timeout(timeoutMs),
    });
    const text = await readAtMost(response, LONGEST);
    if (response.ok) return text;
    const answered = `${asked} answered ${String(response.status)}${excerpt(text)}`;
    throw response.status >= 500 || TRY_AGAIN.includes(response.status) ? transient(answered) : permanent(answered);
  } catch (error) {
    if (error instanceof ProviderError) throw error;
    throw transient(`${asked}: ${whyOf(error, timeoutMs)}`, error);
  }
}

export function parseJson(text: string, name: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw transient(`${name}: expected JSON, found${excerpt(text) || ' nothing'}`);
  }
}

/** Path segments are names that somebody typed. */
export const pathOf = (...segments: readonly string[]): string =>
  segments.map((segment) => `/${encodeURIComponent(segment)}`).join('');

export const bearer = (token: string | undefined): Readonly<Record<string, string>> =>
  token === undefined ? {} : { authorization: `Bearer ${token}` };

export const withoutSlash = (url: string): string => url.replace(/\/+$/, '');

async function readAtMost(response: Response, most: number): Promise<string> {
  const decoder = new TextDecoder();
  let text = '';
  for await (const piece of (response.body ?? []) as AsyncIterable<Uint8Array>) {
    text += decoder.decode(piece, { stream: true });
    if (text.length > most) throw transient(`an answer of more than ${String(most)} characters`);
  }
  return text + decoder.decode();
}

/** The service's own reason, printable and short. */
function excerpt(text: string): string {
  const printable = text
    .replace(/[^\x20-\x7e]+/g, ' ')
    .trim()
    .slice(0, 200);
  return printable === '' ? '' : `: ${printable}`;
}

function whyOf(error: unknown, timeoutMs: number): string {
  if (!(error instanceof Error)) return 'unknown error';
  if (error.name === 'TimeoutError') return `no answer within ${String(timeoutMs)} ms`;
  return error.cause instanceof Error ? error.cause.message || error.cause.name : error.message;
}
