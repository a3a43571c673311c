/**
 * Fastify 5. Register it in the scope whose routes it is to guard, after the hooks that authenticate: it claims in
 * `preHandler`, and seals in `onSend`, before the answer goes out. It needs no setting for raw bodies.
 */
import { validateHeaderName, validateHeaderValue } from 'node:http';
import { PassThrough, Readable } from 'node:stream';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { asBuffer, wholeOf } from '../bytes.js';
import type { Execution } from '../execution.js';
import type { Guard } from '../guard.js';
import { beginRequest, guardedMethods, inMode, isStream, KEY_HEADER, type HttpBeginning, type HttpOptions } from '../http.js';
import type { Body, Outcome } from '../outcome.js';
import { answerOf, isOfAnswer, REPLAYED_HEADER } from '../problem.js';
import { keptOf } from '../record.js';
import type { Refusal } from '../refusal.js';
import { BodyRecorder } from './body-recorder.js';
import { isClaimed, markClaimed } from './claimed.js';
import { headerText } from './node-writes.js';
import { hasBegun, lookAtPieces } from './request-bytes.js';

export type FastifyOptions = HttpOptions<FastifyRequest>;

export function fastifyGuard(guard: Guard, options: FastifyOptions): (app: FastifyInstance) => Promise<void> {
  // On the request itself: an entry in a weak map costs every request its part of the garbage collection.
  const bodyOf = Symbol('body');
  const executionOf = Symbol('execution');
  /** What the layers around said: all that a refusal keeps of the head. */
  const aroundOf = Symbol('around');
  type Guarded = FastifyRequest & {
    [bodyOf]?: Buffer[];
    /** `disturbed`: somebody answered again while the first answer was being sealed. */
    [executionOf]?: Execution | 'sealing' | 'disturbed' | undefined;
    [aroundOf]?: ReturnType<FastifyReply['getHeaders']>;
  };
  const isGuarded = guardedMethods('fastifyGuard', guard, options, {});
  const { streamTypes, mode } = options;

  const look = (request: Guarded): Promise<HttpBeginning> => {
    const meta = {
      method: request.method,
      route: request.routeOptions.url ?? request.url,
      path: request.url,
      contentType: request.headers['content-type'],
      key: headerText(request.headers[KEY_HEADER]),
    };
    return beginRequest(guard, options, meta, wholeOf(request[bodyOf] ?? []), request);
  };

  /** False: it was answered. */
  const goesOn = (beginning: HttpBeginning, request: Guarded, reply: FastifyReply): boolean => {
    if (beginning.kind === 'answer') {
      send(reply, beginning.outcome);
      return false;
    }
    if (beginning.kind === 'execute') {
      const { execution } = beginning;
      markClaimed(request);
      request[executionOf] = execution;
      request[aroundOf] = reply.getHeaders();
      // The client is gone. A handler that goes on may still seal what it did, unless a successor took over.
      const left = (): void => {
        execution.leave();
      };
      // It may have gone while the store was asked, and nobody would hear of it again.
      if (reply.raw.closed) left();
      else reply.raw.once('close', left);
    }
    return true;
  };

  const seal = async (reply: FastifyReply, execution: Execution, payload: Payload): Promise<Sealed> => {
    // Hooks that come after this one change it while a stream passes.
    const head = headOf(reply);
    const settle = (body: Body): ReturnType<Execution['settle']> => execution.settle({ ...head, body });
    const recorder = new BodyRecorder();
    if (isPiped(payload)) {
      const streams = isStream(head.headers['content-type'], streamTypes);
      const end = (): ReturnType<Execution['settle']> => settle(streams ? { kind: 'streamed' } : recorder.body());
      return { kind: 'send', payload: sealedAtItsEnd(payload, recorder, execution, end) };
    }
    if (typeof payload === 'string') recorder.add(Buffer.from(payload));
    else if (payload instanceof Uint8Array) recorder.add(payload);
    const settled = await settle(recorder.body());
    return settled.kind === 'send' ? { kind: 'send', payload } : settled;
  };

  /** What the handler said besides is not for whoever gets a refusal. */
  const refused = (request: Guarded, reply: FastifyReply, refusal: Refusal): Buffer | undefined => {
    removeHeaders(reply, () => true);
    reply.headers(request[aroundOf] ?? {});
    removeHeaders(reply, isOfAnswer);
    return turnedInto(reply, answerOf(refusal));
  };

  return ofItsScope((app) => {
    app.addHook('preParsing', (request: Guarded, _reply, payload, done) => {
      if (!isGuarded(request.method)) {
        done(null, payload);
        return;
      }
      const pieces: Buffer[] = [];
      request[bodyOf] = pieces;
      done(null, piecesCopied(request, payload, pieces));
    });

    // With callbacks: what does not pass by the guard, and every replay, waits for no turn of the event loop.
    app.addHook('preHandler', (request, reply, done) => {
      // Registered twice, the inner one would be answered by the outer one's claim.
      if (!isGuarded(request.method) || isClaimed(request)) {
        done();
        return;
      }
      const failed = (error: unknown): void => {
        done(error as Error);
      };
      inMode(guard, mode, () => look(request)).then((beginning) => {
        try {
          if (!goesOn(beginning, request, reply)) return;
        } catch (error) {
          failed(error);
          return;
        }
        done();
      }, failed);
    });

    app.addHook('onSend', (request: Guarded, reply, payload: unknown, done) => {
      const execution = request[executionOf];
      if (typeof execution === 'string') {
        // What is sealed is the answer. This one is never done, so that it goes nowhere.
        request[executionOf] = 'disturbed';
        request.log.warn('a second answer to a request whose first one is being sealed was dropped');
        return;
      }
      const said = execution && unwrapped(reply, payload);
      if (execution === undefined || said === undefined) {
        done(null, payload);
        return;
      }
      const problem = dropBadHeaders(reply);
      if (problem !== undefined) {
        request[executionOf] = undefined;
        void execution.abandon('unknown');
        done(problem);
        return;
      }
      request[executionOf] = 'sealing';
      if (mode !== 'observe') reply.removeHeader(REPLAYED_HEADER);
      const { statusCode } = reply;
      const headers = reply.getHeaders();
      seal(reply, execution, said.payload)
        .then(
          (sealed) => {
            if (request[executionOf] === 'disturbed') {
              removeHeaders(reply, () => true);
              reply.code(statusCode).headers(headers);
            }
            request[executionOf] = undefined;
            done(null, sealed.kind === 'send' ? sealed.payload : refused(request, reply, sealed.refusal));
          },
          (error: unknown) => {
            request[executionOf] = undefined;
            done(error as Error);
          },
        )
        .catch((error: unknown) => {
          // What sends it threw, and nobody but us is left to hear of it.
          request.log.error(error);
          reply.raw.destroy();
        });
    });
    return Promise.resolve();
  });
}

/** Hooks of a plugin stay within it; those of ours are for the scope that registers it. */
export function ofItsScope(plugin: (app: FastifyInstance) => Promise<void>): (app: FastifyInstance) => Promise<void> {
  return Object.assign(plugin, { [Symbol.for('skip-override')]: true });
}

const headOf = (reply: FastifyReply): Pick<Outcome, 'status' | 'headers'> => ({
  status: reply.statusCode,
  headers: keptOf((name) => headerText(reply.getHeader(name))),
});

/** What Fastify is to read in place of `payload`; its pieces are in `pieces` as well, once it has read it. */
function piecesCopied(request: FastifyRequest, payload: Readable, pieces: Buffer[]): Readable {
  if (payload === request.raw && !hasBegun(request.raw)) {
    const stop = lookAtPieces(request.raw, (piece) => {
      if (piece === null) stop();
      else pieces.push(piece);
    });
    return payload;
  }
  // Fastify's own limits go on counting: they read what comes out of here.
  const copied = new PassThrough();
  payload.on('data', (piece: Buffer) => pieces.push(piece));
  payload.on('error', (error) => copied.destroy(error));
  return payload.pipe(copied);
}

/** What Fastify takes: not all that it pipes is a `Readable`. */
type Piped = NodeJS.ReadableStream & { destroy?(): void };
type Payload = string | Uint8Array | Piped | null | undefined;

type Sealed = { readonly kind: 'send'; readonly payload: Payload } | { readonly kind: 'refuse'; readonly refusal: Refusal };

const isPiped = (payload: unknown): payload is Piped =>
  typeof (payload as Partial<Piped> | null | undefined)?.pipe === 'function';

/** The payload as bytes, a text or a stream; a `Response` becomes the reply. Undefined for what Fastify itself is to refuse. */
function unwrapped(reply: FastifyReply, payload: unknown): { readonly payload: Payload } | undefined {
  if (payload instanceof Response) {
    reply.code(payload.status);
    for (const [name, value] of payload.headers) reply.header(name, value);
    return { payload: payload.body === null ? null : Readable.fromWeb(payload.body) };
  }
  if (payload instanceof ReadableStream) return { payload: Readable.fromWeb(payload) };
  const isTaken = payload === undefined || payload === null || typeof payload === 'string' || payload instanceof Uint8Array;
  return isTaken || isPiped(payload) ? { payload } : undefined;
}

/**
 * What Node would throw as soon as the head went out: once the answer is sealed there would be no error handler to hear of it.
 * Such headers are dropped, so that the error can be answered.
 */
function dropBadHeaders(reply: FastifyReply): Error | undefined {
  let problem: Error | undefined;
  const look = (check: () => void, drop: () => void): void => {
    try {
      check();
    } catch (error) {
      problem ??= error as Error;
      drop();
    }
  };
  for (const [name, value] of Object.entries(reply.getHeaders())) {
    const check = (): void => {
      validateHeaderName(name);
      for (const each of [value].flat()) validateHeaderValue(name, each as string);
    };
    look(check, () => {
      reply.removeHeader(name);
    });
  }
  const { raw } = reply;
  // Undefined until somebody says one, whatever its type says.
  if ((raw.statusMessage as string | undefined) !== undefined)
    look(
      () => {
        validateHeaderValue('statusMessage', raw.statusMessage);
      },
      () => (raw.statusMessage = ''),
    );
  return problem;
}

/** Passes piece by piece; only the end waits for the record. */
function sealedAtItsEnd(
  source: Piped,
  recorder: BodyRecorder,
  execution: Execution,
  end: () => ReturnType<Execution['settle']>,
): Readable {
  const passing = new PassThrough({
    transform(chunk: Buffer, _encoding, done) {
      recorder.add(chunk);
      done(null, chunk);
    },
    flush(done) {
      void end().then(({ kind }) => {
        // What went out cannot be taken back, but it must not look whole.
        done(kind === 'send' ? null : new Error('the record could not be sealed'));
      });
    },
  });
  source.on('error', (error: Error) => {
    void execution.abandon('unknown');
    passing.destroy(error);
  });
  // A source that is destroyed without an error ends nothing by itself.
  source.on('close', () => {
    if (passing.writableEnded || passing.destroyed) return;
    void execution.abandon('unknown');
    passing.destroy(new Error('the stream was closed before its end'));
  });
  passing.on('close', () => {
    void execution.lapse();
    source.destroy?.();
  });
  return source.pipe(passing);
}

/** What the layers around it said before, such as for CORS, stays; of what an answer is made of nothing does. */
export function send(reply: FastifyReply, outcome: Outcome): FastifyReply {
  removeHeaders(reply, isOfAnswer);
  return reply.send(turnedInto(reply, outcome));
}

function removeHeaders(reply: FastifyReply, isWanted: (name: string) => boolean): void {
  for (const name of Object.keys(reply.getHeaders())) if (isWanted(name)) reply.removeHeader(name);
}

/** Gives the payload. Of nothing at all, `null`, Fastify would make JSON. */
function turnedInto(reply: FastifyReply, { status, headers, body }: Outcome): Buffer | undefined {
  reply.code(status).headers(headers);
  return body.kind === 'bytes' && body.bytes.byteLength > 0 ? asBuffer(body.bytes) : undefined;
}
