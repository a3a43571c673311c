/** The bytes of a request's body, which whoever comes next can still read. */
import type { IncomingMessage } from 'node:http';

const kept = new WeakMap<IncomingMessage, Buffer>();

/** For the `verify` option of body parsers that are mounted before the guard: `express.json({ verify: keepRawBody })`. */
export function keepRawBody(request: IncomingMessage, _response: unknown, bytes: Buffer): void {
  kept.set(request, bytes);
}

/**
 * Undefined if there are more than `limitBytes`; what was read is put back in either case. Rejects if somebody read the body
 * before and kept no bytes: parsed and printed again, two different requests can look alike.
 */
export async function requestBytes(request: IncomingMessage, limitBytes: number): Promise<Buffer | undefined> {
  const known = kept.get(request);
  if (known !== undefined) return known.length > limitBytes ? undefined : known;
  if (!hasBody(request)) return Buffer.alloc(0);
  if (request.readableDidRead)
    throw new TypeError('the body was read before the guard: mount the guard first, or give the parser { verify: keepRawBody }');
  return readAndPutBack(request, limitBytes);
}

const hasBody = ({ headers }: IncomingMessage): boolean =>
  headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;

function readAndPutBack(request: IncomingMessage, limitBytes: number): Promise<Buffer | undefined> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let length = 0;
    const done = (): void => {
      request.off('readable', read);
      request.off('error', failed);
      request.off('close', failed);
    };
    const failed = (error?: Error): void => {
      done();
      reject(error ?? new Error('the client went away before its request was whole'));
    };
    const read = (): void => {
      for (let chunk = request.read() as Buffer | null; chunk !== null; chunk = request.read() as Buffer | null) {
        chunks.push(chunk);
        length += chunk.length;
        if (length > limitBytes) break;
      }
      if (length <= limitBytes && !request.complete) return;
      done();
      // In the same turn as the last read: the stream has not said its end yet, so it may still be given back what it gave.
      const bytes = Buffer.concat(chunks);
      if (length > 0) request.unshift(bytes);
      resolve(length > limitBytes ? undefined : bytes);
    };
    request.on('readable', read);
    request.on('error', failed);
    request.on('close', failed);
  });
}
