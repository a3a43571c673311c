/** What `write`, `end` and `writeHead` of `node:http` may be given. */
import type { OutgoingHttpHeader, OutgoingHttpHeaders, ServerResponse } from 'node:http';

export interface Said {
  readonly bytes: Uint8Array | undefined;
  readonly callback: (() => void) | undefined;
}

/** The arguments of `write` and `end`: a chunk, its encoding and a callback, each of which may be missing. */
export function saidBy(given: readonly unknown[]): Said {
  const [chunk, second, third] = given;
  const last = third ?? second ?? chunk;
  const callback = typeof last === 'function' ? (last as () => void) : undefined;
  if (typeof chunk === 'string') {
    const encoding = typeof second === 'string' && Buffer.isEncoding(second) ? second : 'utf8';
    return { bytes: Buffer.from(chunk, encoding), callback };
  }
  return { bytes: chunk instanceof Uint8Array ? chunk : undefined, callback };
}

/** Headers as `writeHead` takes them: by name, or names and values in turn. */
export function addHeaders(
  response: ServerResponse,
  headers: OutgoingHttpHeaders | readonly (OutgoingHttpHeader | readonly OutgoingHttpHeader[])[] | undefined,
): void {
  if (headers === undefined) return;
  if (!isList(headers)) {
    for (const [name, value] of Object.entries(headers)) if (value !== undefined) response.setHeader(name, value);
    return;
  }
  const flat = headers.flat();
  for (let index = 0; index < flat.length; index += 2) response.removeHeader(String(flat[index]));
  for (let index = 0; index + 1 < flat.length; index += 2) response.appendHeader(String(flat[index]), String(flat[index + 1]));
}

const isList = (value: unknown): value is readonly (OutgoingHttpHeader | readonly OutgoingHttpHeader[])[] => Array.isArray(value);

/** A header's value as one string, or undefined. */
export function headerText(value: OutgoingHttpHeader | undefined): string | undefined {
  return value === undefined ? undefined : Array.isArray(value) ? value.join(', ') : String(value);
}

/**
 * Every way of answering comes through `writeHead`, and `before` is called once before it, with the headers that it was given.
 * What this returns is called after.
 */
export function onHead(
  response: ServerResponse,
  before: (headers: Readonly<OutgoingHttpHeaders>) => ((status: number) => void) | undefined,
): void {
  const writeHead = response.writeHead.bind(response) as (...given: unknown[]) => ServerResponse;
  let isOut = false;
  Object.assign(response, {
    writeHead: (...given: unknown[]) => {
      if (isOut) return writeHead(...given);
      isOut = true;
      const after = before(headersIn(given));
      writeHead(...given);
      after?.(response.statusCode);
      return response;
    },
  });
}

/** Of `writeHead`'s arguments, with names in lower case. Those in a list come in pairs, or as names and values in turn. */
function headersIn([, second, third]: readonly unknown[]): OutgoingHttpHeaders {
  const given = typeof second === 'string' ? third : (second ?? third);
  if (given === undefined || given === null) return {};
  const flat = Array.isArray(given) ? (given as unknown[]).flat() : Object.entries(given).flat();
  const pairs = flat.flatMap((name, index) => (index % 2 === 0 ? [[String(name).toLowerCase(), flat[index + 1]] as const] : []));
  return Object.fromEntries(pairs);
}

/** For every answer that goes out, whoever gives it: one of the guard's own drops what stood in the head before. */
export function stampHead(response: ServerResponse, stamp: Readonly<Record<string, string>>): void {
  onHead(response, () => {
    addHeaders(response, stamp);
    return undefined;
  });
}
