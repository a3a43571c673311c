/**
 * Stands between a handler and a `node:http` response. What the handler says is held back until the record is sealed; a stream
 * passes piece by piece and only its end is held back, so that a client that saw the end knows that the record is sealed (X19).
 * Every way of answering ends here: `end`, `write`, a pipe, `writeHead`, an empty answer.
 */
import { ServerResponse, validateHeaderValue, type IncomingMessage, type OutgoingHttpHeaders } from 'node:http';
import { types } from 'node:util';
import { asBuffer, FEW_BYTES, wholeOf } from '../bytes.js';
import type { Settled } from '../execution.js';
import { isStream } from '../http.js';
import type { Outcome } from '../outcome.js';
import { answerOf, isOfAnswer, REPLAYED_HEADER } from '../problem.js';
import { keptOf } from '../record.js';
import { BodyRecorder } from './body-recorder.js';
import { addHeaders, headerText, onHead, saidBy } from './node-writes.js';

export interface CaptureOptions {
  readonly streamTypes: readonly string[] | undefined;
  /** Called once, when the handler has ended the response. Must not reject. */
  readonly onEnd: (outcome: Outcome) => Promise<Settled>;
}

export function holdResponse(response: ServerResponse, { streamTypes, onEnd }: CaptureOptions): void {
  const original = methodsOf(response);
  /** What the layers around said: all that a refusal keeps of the head. */
  const around = response.getHeaders();
  const held: Uint8Array[] = [];
  let recorder = new BodyRecorder();
  /** From `over` on, every method is the response's own again. */
  let phase: 'held' | 'passing' | 'ended' | 'over' = 'held';
  let isHeadSaid = false;
  /** Of an answer that was begun: what was said before the layers around change it. */
  let begun: Head | undefined;

  /**
   * Layers within, between the handler and us, hear of the head by a `writeHead` of their own. They do it here, where a throw is
   * the handler's as it would be without us, and what they add is sealed; afterwards they are left out.
   */
  const closeHead = (): void => {
    if ((response as unknown as Methods).writeHead !== installed.methods.writeHead) {
      if (!isHeadSaid) response.writeHead(response.statusCode);
      Object.assign(response, { writeHead: installed.methods.writeHead });
    }
    response.removeHeader(REPLAYED_HEADER);
    mustBeSendable(response);
  };

  const begin = (): Head => {
    closeHead();
    return headOf(response);
  };

  /** From here on the answer goes out as it comes. If a layer around throws at its head, it has not, and nothing was said. */
  const pass = <Sent>(send: () => Sent): Sent => {
    begun ??= begin();
    uncover(response);
    phase = 'passing';
    try {
      for (const bytes of held.splice(0)) original.write.call(response, bytes);
      return send();
    } catch (error) {
      if (!response.headersSent) {
        phase = 'held';
        begun = undefined;
        recorder = new BodyRecorder();
      }
      throw error;
    }
  };

  const release = async (head: Head, wasPassing: boolean): Promise<void> => {
    const settled = await onEnd(outcomeOf(head, recorder, streamTypes));
    phase = 'over';
    installed.giveBack(original);
    uncover(response);
    try {
      if (settled.kind === 'send') {
        // An error handler that came later must not change what was sealed.
        if (!wasPassing && !isHead(response, head)) setHead(response, head);
        endWith(response, original.end, held);
      } else if (wasPassing) {
        // What went out of a stream cannot be taken back, but it must not look whole.
        response.destroy();
      } else {
        // What the handler said besides is not for whoever gets a refusal.
        for (const name of response.getHeaderNames()) response.removeHeader(name);
        addHeaders(response, around);
        sendOutcome(response, answerOf(settled.refusal), original.end);
      }
    } catch (error) {
      // Of a layer around: the handler, which would have got it without us, has long returned.
      response.destroy(error as Error);
    }
  };

  const own: Methods = {
    write: (...given) => {
      // After its end a response takes no more, as without us.
      if (phase === 'ended') return false;
      const { bytes, callback } = saidBy(given);
      if (bytes === undefined || phase === 'over') return original.write.apply(response, given);
      const isStreamed = phase === 'held' && isStream(contentTypeOf(response), streamTypes);
      begun ??= begin();
      // Who is called back may use the same bytes for the next piece.
      const kept = bytes === given[0] && !recorder.isTooLarge ? Buffer.from(bytes) : bytes;
      recorder.add(kept);
      const send = (): boolean => original.write.call(response, bytes, callback);
      if (phase === 'passing') return send();
      if (isStreamed || recorder.isTooLarge) return pass(send);
      if (held.push(kept) === 1) cover(response);
      if (callback !== undefined) queueMicrotask(callback);
      return true;
    },
    end: (...given) => {
      if (phase === 'over') return original.end.apply(response, given);
      if (phase === 'ended') return response;
      mustBeChunk(given[0]);
      const { bytes, callback } = saidBy(given);
      const wasPassing = phase === 'passing';
      if (begun === undefined) closeHead();
      else if (!wasPassing && !areHeaders(response, begun)) throw headersAreSent();
      if (callback !== undefined) response.once('finish', callback);
      if (bytes !== undefined) {
        recorder.add(bytes);
        held.push(bytes);
      }
      if (!wasPassing) mendLength(response, recorder.length);
      phase = 'ended';
      void release(
        begun === undefined ? headOf(response) : wasPassing ? begun : { ...begun, headers: response.getHeaders() },
        wasPassing,
      );
      return response;
    },
    flushHeaders: () => {
      const flush = (): void => {
        original.flushHeaders.call(response);
      };
      // A handler that sends its head before it has a body is about to stream.
      if (phase === 'held') pass(flush);
      else if (phase !== 'ended') flush();
    },
    writeHead: (...given) => {
      if (phase === 'passing' || phase === 'over') return original.writeHead.apply(response, given);
      if (phase === 'held' && begun !== undefined) throw headersAreSent();
      isHeadSaid = true;
      const [status, ...rest] = given as [number, ...unknown[]];
      response.statusCode = status;
      if (typeof rest[0] === 'string') response.statusMessage = rest[0];
      addHeaders(response, (typeof rest[0] === 'string' ? rest[1] : (rest[0] ?? rest[1])) as OutgoingHttpHeaders | undefined);
      return response;
    },
  };
  const installed = install(response, own);
}

/** While an answer that was begun is held: an error handler that asks is told that it is not the one to finish it. */
function cover(response: ServerResponse): void {
  Object.defineProperty(response, 'headersSent', { value: true, configurable: true });
}

/** The layers around ask as well, when the answer goes out, and need the truth. */
function uncover(response: ServerResponse): void {
  if (Object.hasOwn(response, 'headersSent')) Reflect.deleteProperty(response, 'headersSent');
}

/** For `observe`: everything passes at once and as it is, and what was said is known afterwards. */
export function watchResponse(response: ServerResponse, { streamTypes, onEnd }: CaptureOptions): void {
  const { write, end } = methodsOf(response);
  const recorder = new BodyRecorder();
  let head: Head | undefined;
  const record = (given: readonly unknown[]): void => {
    const { bytes } = saidBy(given);
    if (bytes !== undefined) recorder.add(bytes === given[0] ? Buffer.from(bytes) : bytes);
  };
  onHead(response, (headers) => {
    const { status, message, headers: said } = headOf(response);
    head = { status, message, headers: { ...said, ...headers } };
    return undefined;
  });
  Object.assign(response, {
    write: (...given: unknown[]): unknown => {
      record(given);
      return write.apply(response, given);
    },
    end: (...given: unknown[]): unknown => {
      mustBeChunk(given[0]);
      record(given);
      // Node's `end` may call `write`, and what it writes was recorded already.
      Object.assign(response, { write, end });
      const answer = end.apply(response, given);
      void onEnd(outcomeOf({ ...(head ?? headOf(response)), status: response.statusCode }, recorder, streamTypes));
      return answer;
    },
  });
}

/** To be called with the response as `this`. */
interface Methods {
  readonly write: (this: ServerResponse, ...given: unknown[]) => boolean;
  readonly end: (this: ServerResponse, ...given: unknown[]) => unknown;
  readonly writeHead: (this: ServerResponse, ...given: unknown[]) => unknown;
  readonly flushHeaders: (this: ServerResponse) => void;
}

const BARE = ServerResponse.prototype as unknown as Methods;

/**
 * What the functions below call for a response, and for whoever wraps it, in a `Proxy` or in an object made after it: that has the
 * same request. When a response is over this is Node's own where it can be: what points to its response would outlive the
 * collector's cheap runs, and the response with it.
 */
const holders = new WeakMap<ServerResponse | IncomingMessage, Methods>();

const holderOf = (response: ServerResponse): Methods => holders.get(response) ?? holders.get(response.req) ?? BARE;

/**
 * The same for all responses. Express gives each one another prototype, and from then on a property has a shape of its own there,
 * and a function that stands in it outlives the collector's cheap runs, with all that it knows.
 */
const BY_HOLDER: Methods = {
  write(...given) {
    return holderOf(this).write.apply(this, given);
  },
  end(...given) {
    return holderOf(this).end.apply(this, given);
  },
  writeHead(...given) {
    return holderOf(this).writeHead.apply(this, given);
  },
  flushHeaders() {
    holderOf(this).flushHeaders.call(this);
  },
};
const NAMES = Object.keys(BY_HOLDER) as readonly (keyof Methods)[];

interface Installed {
  /** What stands at the response now. */
  readonly methods: Methods;
  /** From here on every method of the response is its own again. */
  readonly giveBack: (original: Methods) => void;
}

function install(response: ServerResponse, own: Methods): Installed {
  // Not all that stands in for a response has a request.
  const known = [response, response.req as IncomingMessage | null | undefined].filter((each) => each != null);
  // Held already, or under another name than the one by which Node will call: only functions of its own find the way.
  if (types.isProxy(response) || known.some((each) => holders.has(each))) {
    Object.assign(response, own);
    return { methods: own, giveBack: () => undefined };
  }
  const hold = (methods: Methods): void => {
    for (const each of known) holders.set(each, methods);
  };
  hold(own);
  Object.assign(response, BY_HOLDER);
  const giveBack = (original: Methods): void => {
    const isBare = NAMES.every((name) => original[name] === BARE[name]);
    hold(isBare ? BARE : original);
  };
  return { methods: BY_HOLDER, giveBack };
}

/** As they are now: another layer, such as compression, may have put its own in their place. */
function methodsOf(response: ServerResponse): Methods {
  const { write, end, writeHead, flushHeaders } = response as unknown as Methods;
  return { write, end, writeHead, flushHeaders };
}

/**
 * Sends an answer of the guard's own. What the layers around it said before, such as for CORS, stays; of what an answer is made of
 * nothing does.
 */
export function sendOutcome(response: ServerResponse, { status, headers, body }: Outcome, end = methodsOf(response).end): void {
  for (const name of response.getHeaderNames()) if (isOfAnswer(name)) response.removeHeader(name);
  response.statusCode = status;
  // Empty: the one that belongs to the status.
  response.statusMessage = '';
  addHeaders(response, headers);
  endWith(response, end, body.kind === 'bytes' ? [body.bytes] : []);
}

interface Head {
  readonly status: number;
  readonly message: string;
  readonly headers: OutgoingHttpHeaders;
}

const headOf = (response: ServerResponse): Head => ({
  status: response.statusCode,
  message: response.statusMessage,
  headers: response.getHeaders(),
});

/** To look is much cheaper than to set every header again. */
function isHead(response: ServerResponse, head: Head): boolean {
  return response.statusCode === head.status && response.statusMessage === head.message && areHeaders(response, head);
}

function areHeaders(response: ServerResponse, { headers }: Head): boolean {
  const now = response.getHeaders();
  const names = Object.keys(now);
  return names.length === Object.keys(headers).length && names.every((name) => now[name] === headers[name]);
}

function setHead(response: ServerResponse, { status, message, headers }: Head): void {
  for (const name of response.getHeaderNames()) response.removeHeader(name);
  response.statusCode = status;
  response.statusMessage = message;
  addHeaders(response, headers);
}

/**
 * Node sends a head and a text in one piece, and bytes in a piece of their own. Latin-1 has a character for every byte, so any
 * bytes are such a text. Another layer that records answers may take a text for UTF-8, and gets bytes.
 */
function endWith(response: ServerResponse, end: Methods['end'], chunks: readonly Uint8Array[]): void {
  const bytes = wholeOf(chunks);
  const { byteLength } = bytes;
  if (byteLength === 0) end.call(response);
  else if (byteLength > FEW_BYTES || end !== ServerResponse.prototype.end) end.call(response, bytes);
  else end.call(response, asBuffer(bytes).toString('latin1'), 'latin1');
}

/** Throws what Node would throw as soon as the head went out: once the answer is sealed nobody would be left to hear of it. */
function mustBeSendable({ statusCode, statusMessage }: ServerResponse): void {
  if (!(statusCode >= 100 && statusCode <= 999))
    throw Object.assign(new RangeError(`Invalid status code: ${String(statusCode)}`), { code: 'ERR_HTTP_INVALID_STATUS_CODE' });
  // Undefined until somebody says one, whatever its type says.
  if ((statusMessage as string | undefined) !== undefined) validateHeaderValue('statusMessage', statusMessage);
}

function mustBeChunk(chunk: unknown): void {
  if (typeof chunk === 'string' || chunk instanceof Uint8Array) return;
  if (chunk === undefined || chunk === null || typeof chunk === 'function') return;
  throw Object.assign(new TypeError(`The "chunk" argument must be a text or bytes. Received type ${typeof chunk}`), {
    code: 'ERR_INVALID_ARG_TYPE',
  });
}

const headersAreSent = (): Error =>
  Object.assign(new Error('Cannot set headers after they are sent to the client'), { code: 'ERR_HTTP_HEADERS_SENT' });

/** Their answers have a length and no body. */
const WITHOUT_BODY: readonly number[] = [204, 304];

/** Of a length that is not the body's, the rest would be taken for the next answer. */
function mendLength(response: ServerResponse, length: number): void {
  if (WITHOUT_BODY.includes(response.statusCode) || response.req.method === 'HEAD') return;
  const said = response.getHeader('content-length');
  if (length > 0 && said !== undefined && Number(said) !== length) response.setHeader('content-length', length);
}

const contentTypeOf = (response: ServerResponse): string | undefined => headerText(response.getHeader('content-type'));

function outcomeOf({ status, headers: said }: Head, recorder: BodyRecorder, streamTypes: readonly string[] | undefined): Outcome {
  const headers = keptOf((name) => headerText(said[name]));
  const body = isStream(headers['content-type'], streamTypes) ? ({ kind: 'streamed' } as const) : recorder.body();
  return { status, headers, body };
}
