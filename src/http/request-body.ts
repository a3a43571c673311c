/** The body of a request that is carried on by undici. */
import type { IncomingMessage } from 'node:http';
import { PassThrough, type Readable } from 'node:stream';

/**
 * Between the client and undici stands a stream of our own, because undici destroys the body of a request that was answered
 * early, and a destroyed request takes the client's connection with it, answer and all. Null: there is no body.
 */
export function bodyOf(request: IncomingMessage): Readable | null {
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
