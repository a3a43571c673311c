/** `node:http` around `carry`. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { pipeline } from 'node:stream/promises';
import { bodyOf } from '../../http/request-body.js';
import type { PinGate, RevisionTarget } from '../pins/admit.js';
import { carry, unreachable } from '../pins/carry.js';
import { sendOutcome } from './response-capture.js';

/** Resolves when the answer is over, whatever became of it. `path`: as it was asked for. */
export async function forward(
  request: IncomingMessage,
  response: ServerResponse,
  path: string,
  target: RevisionTarget,
  stamp: PinGate['stamp'],
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
    else sendOutcome(response, unreachable(target, error, stamp));
  }
}

function pairs(raw: readonly string[]): readonly (readonly [string, string])[] {
  return raw.flatMap((name, index) => (index % 2 === 0 ? [[name, raw[index + 1] ?? ''] as const] : []));
}
