/** `node:http` around `carry`. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { PassThrough, type Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { RevisionTarget } from '../pins/admit.js';
import { carry, unreachable } from '../pins/carry.js';
import { sendOutcome } from './response-capture.js';

/** Resolves when the answer is over, whatever became of it. `path`: as it was asked for. */
export async function forward(
  request: IncomingMessage,
  response: ServerResponse,
  path: string,
  target: RevisionTarget,
): Promise<void> {
  const leaving = new AbortController();
  response.once('close', () => {
    if (!response.writableFinished) leaving.abort(new Error('the client left'));
  });
  // What was put there is this revision's; the answer is the other's.
  for (const name of response.getHeaderNames()) response.removeHeader(name);
  try {
    const { method = 'GET' } = request;
    const headers = pairs(request.rawHeaders);
    const answer = await carry({ method, path, headers, body: bodyOf(request), signal: leaving.signal }, target);
    response.writeHead(answer.status, answer.headers);
    // The head alone: a stream may be long in giving its first event.
    response.flushHeaders();
    await pipeline(answer.body, response);
  } catch (error) {
    if (response.headersSent || response.destroyed) response.destroy();
    else sendOutcome(response, unreachable(target, error));
  }
}

/**
 * Between the client and undici stands a stream of our own, because undici destroys the body of a request that was answered
 * early, and a destroyed request takes the client's connection with it, answer and all.
 */
function bodyOf(request: IncomingMessage): Readable | null {
  const { 'content-length': length, 'transfer-encoding': encoding } = request.headers;
  if (encoding === undefined && (length === undefined || Number(length) === 0)) return null;
  const body = request.pipe(new PassThrough());
  body.once('close', () => {
    request.unpipe(body);
    request.resume();
  });
  body.on('error', () => undefined);
  request.once('close', () => {
    if (!request.complete) body.destroy(new Error('the client left'));
  });
  return body;
}

function pairs(raw: readonly string[]): readonly (readonly [string, string])[] {
  return raw.flatMap((name, index) => (index % 2 === 0 ? [[name, raw[index + 1] ?? ''] as const] : []));
}
