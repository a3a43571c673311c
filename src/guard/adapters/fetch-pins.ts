/** Schema pins for any handler from `Request` to `Response`: `fetchPins(options, fetchGuard(guard, …))`. */
import { Readable } from 'node:stream';
import { pinGate, type PinGate, type PinOptions, type RevisionTarget } from '../pins/admit.js';
import { carry, unreachable } from '../pins/carry.js';
import { mustBeUnclaimed } from './claimed.js';
import { responseOf, type FetchHandler } from './fetch.js';

export function fetchPins<Rest extends readonly unknown[]>(
  options: PinOptions,
  handler: FetchHandler<Rest>,
): (request: Request, ...rest: Rest) => Promise<Response> {
  const { admit, stamp } = pinGate(options);
  return async (request, ...rest) => {
    mustBeUnclaimed(request);
    const admission = admit((name) => request.headers.get(name) ?? undefined);
    switch (admission.kind) {
      case 'admitted':
        return stamped(await handler(request, ...rest), stamp);
      case 'elsewhere':
        return forwardFetch(request, admission.target, stamp);
      case 'refused':
        return responseOf(admission.outcome);
    }
  };
}

function stamped(response: Response, stamp: Readonly<Record<string, string>>): Response {
  const { status, statusText, body } = response;
  const headers = new Headers(response.headers);
  for (const [name, value] of Object.entries(stamp)) headers.set(name, value);
  return new Response(body, { status, statusText, headers });
}

async function forwardFetch(request: Request, target: RevisionTarget, stamp: PinGate['stamp']): Promise<Response> {
  const { pathname, search, host } = new URL(request.url);
  const { method, signal } = request;
  const body = request.body === null ? null : Readable.fromWeb(request.body);
  const headers = [
    ...new Headers([...request.headers, ...(request.headers.has('host') ? [] : [['host', host] as [string, string]])]),
  ];
  try {
    const answer = await carry({ method, path: `${pathname}${search}`, headers, body, signal }, target);
    const told = Object.entries(answer.headers).flatMap(([name, value]) =>
      [value].flat().map((one): [string, string] => [name, one]),
    );
    const isEmpty = EMPTY.includes(answer.status);
    if (isEmpty) answer.body.resume();
    return new Response(isEmpty ? null : (Readable.toWeb(answer.body) as ReadableStream), {
      status: answer.status,
      headers: told,
    });
  } catch (error) {
    return responseOf(unreachable(target, error, stamp));
  }
}

/** A `Response` with one of these may have no body. */
const EMPTY: readonly number[] = [204, 205, 304];
