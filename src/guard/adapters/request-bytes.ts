/** The bytes of a request's body, which whoever comes next can still read. */
import { IncomingMessage } from 'node:http';
import { types } from 'node:util';
import { wholeOf } from '../bytes.js';

const LEFT = 'the client went away before its request was whole';

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
  mustBeWhole(request);
  // It came while somebody else was at work, and there is nothing in it.
  if (request.complete && request.readableLength === 0) return Buffer.alloc(0);
  const seen = hasBegun(request) ? 'too much to wait for' : await lookOn(request, limitBytes);
  return seen === 'too much to wait for' ? readAndPutBack(request, limitBytes) : seen;
}

/** Throws if it broke off. */
export function mustBeWhole(request: IncomingMessage): void {
  if (request.destroyed && !request.complete) throw request.errored ?? new Error(LEFT);
}

const hasBody = ({ headers }: IncomingMessage): boolean =>
  headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;

/** Some of it is there, or is being read: whoever only looks on from now on would miss it. */
export const hasBegun = (request: IncomingMessage): boolean =>
  request.readableLength > 0 || request.complete || request.readableFlowing !== null || request.readableEncoding !== null;

type Look = (piece: Buffer | null, isFull: boolean) => void;

/** An entry goes as soon as it can, or what it holds outlives the collector's cheap runs. */
const looks = new WeakMap<IncomingMessage, Look>();

// eslint-disable-next-line @typescript-eslint/unbound-method -- called with the request as its `this`
const PUSH = IncomingMessage.prototype.push;

/**
 * Calls `look` with each piece as it comes in and with null at the end, until what it returns is called. The stream goes on as
 * if nobody looked: to read it and to put it back costs several turns of the event loop.
 */
export function lookAtPieces(request: IncomingMessage, look: Look): () => void {
  // eslint-disable-next-line @typescript-eslint/unbound-method -- called with the request as its `this`; to bind costs more
  const { push } = request;
  // Somebody looks at it already, or Node calls it by another name.
  if (push !== PUSH || types.isProxy(request)) return lookBeside(request, push, look);
  looks.set(request, look);
  request.push = pushAndLook;
  return () => {
    looks.delete(request);
  };
}

/** One for all requests, as for responses: see `BY_HOLDER`. It stays, and does without a look what Node's own does. */
function pushAndLook(this: IncomingMessage, piece: Buffer | null, encoding?: BufferEncoding): boolean {
  const takesMore = PUSH.call(this, piece, encoding);
  looks.get(this)?.(piece, !takesMore);
  return takesMore;
}

function lookBeside(request: IncomingMessage, push: IncomingMessage['push'], look: Look): () => void {
  request.push = (piece: Buffer | null, encoding?: BufferEncoding): boolean => {
    const takesMore = push.call(request, piece, encoding);
    look(piece, !takesMore);
    return takesMore;
  };
  return () => {
    request.push = push;
  };
}

/** While nobody reads, the stream holds what comes in until it is full: of small bodies that is all. */
function lookOn(request: IncomingMessage, limitBytes: number): Promise<Buffer | undefined | 'too much to wait for'> {
  return new Promise((resolve, reject) => {
    const pieces: Buffer[] = [];
    let length = 0;
    const end = (seen: Buffer | undefined | 'too much to wait for'): void => {
      stopLooking();
      stopFailure();
      resolve(seen);
    };
    const stopFailure = onFailure(request, reject);
    const stopLooking = lookAtPieces(request, (piece, isFull) => {
      if (piece === null) end(length > limitBytes ? undefined : wholeOf(pieces));
      else {
        pieces.push(piece);
        length += piece.length;
        if (length > limitBytes) end(undefined);
        else if (isFull) end('too much to wait for');
      }
    });
  });
}

function readAndPutBack(request: IncomingMessage, limitBytes: number): Promise<Buffer | undefined> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let length = 0;
    const read = (): void => {
      for (let chunk = request.read() as Buffer | null; chunk !== null; chunk = request.read() as Buffer | null) {
        chunks.push(chunk);
        length += chunk.length;
        if (length > limitBytes) break;
      }
      if (length <= limitBytes && !request.complete) return;
      stop();
      // In the same turn as the last read: the stream has not said its end yet, so it may still be given back what it gave.
      const bytes = wholeOf(chunks);
      if (length > 0) request.unshift(bytes);
      resolve(length > limitBytes ? undefined : bytes);
    };
    const stopFailure = onFailure(request, (error) => {
      request.off('readable', read);
      reject(error);
    });
    const stop = (): void => {
      request.off('readable', read);
      stopFailure();
    };
    request.on('readable', read);
  });
}

/** Calls `fail` if the request breaks off, until what it returns is called. An error of a stream comes before its close. */
function onFailure(request: IncomingMessage, fail: (error: Error) => void): () => void {
  const failed = (): void => {
    stop();
    fail(request.errored ?? new Error(LEFT));
  };
  const stop = (): void => void request.off('close', failed);
  request.on('close', failed);
  return stop;
}
