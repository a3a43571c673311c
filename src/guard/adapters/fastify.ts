/**
 * Fastify 5. Register it in the scope whose routes it is to guard, after the hooks that authenticate: it claims in
 * `preHandler`, and seals in `onSend`, before the answer goes out. It needs no setting for raw bodies.
 */
import { PassThrough, Readable } from 'node:stream';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { asBuffer, wholeOf } from '../bytes.js';
import type { Execution } from '../execution.js';
import type { Guard } from '../guard.js';
import { beginRequest, checkedOptions, isStream, KEY_HEADER, type HttpOptions } from '../http.js';
import type { Body, Outcome } from '../outcome.js';
import { answerOf, isOfAnswer, REPLAYED_HEADER } from '../problem.js';
import { keptOf } from '../record.js';
import { BodyRecorder } from './body-recorder.js';
import { headerText } from './node-writes.js';
import { hasBegun, lookAtPieces } from './request-bytes.js';

export type FastifyOptions = HttpOptions<FastifyRequest>;

export function fastifyGuard(guard: Guard, options: FastifyOptions): (app: FastifyInstance) => Promise<void> {
  // On the request itself: an entry in a weak map costs every request its part of the garbage collection.
  const bodyOf = Symbol('body');
  const executionOf = Symbol('execution');
  type Guarded = FastifyRequest & { [bodyOf]?: Buffer[]; [executionOf]?: Execution | undefined };
  const { streamTypes, mode, isGuarded } = checkedOptions(options);

  const begin = async (request: Guarded, reply: FastifyReply): Promise<'answered' | 'goes on'> => {
    const meta = {
      method: request.method,
      route: request.routeOptions.url ?? request.url,
      path: request.url,
      contentType: request.headers['content-type'],
      key: headerText(request.headers[KEY_HEADER]),
      tenant: options.tenant(request),
    };
    const beginning = await beginRequest(guard, options, meta, wholeOf(request[bodyOf] ?? []), request);
    if (beginning.kind === 'answer') {
      send(reply, beginning.outcome);
      return 'answered';
    }
    if (beginning.kind === 'execute') {
      const { execution } = beginning;
      request[executionOf] = execution;
      // The client is gone. A handler that goes on may still seal what it did, unless a successor took over.
      reply.raw.once('close', () => {
        execution.leave();
      });
    }
    return 'goes on';
  };

  const seal = async (reply: FastifyReply, execution: Execution, payload: unknown): Promise<unknown> => {
    if (mode !== 'observe') reply.removeHeader(REPLAYED_HEADER);
    const settle = (body: Body): ReturnType<Execution['settle']> => execution.settle({ ...headOf(reply), body });
    const stream = streamOf(payload);
    const recorder = new BodyRecorder();
    if (stream !== undefined) {
      const streams = isStream(headOf(reply).headers['content-type'], streamTypes);
      return sealedAtItsEnd(stream, recorder, execution, () => settle(streams ? { kind: 'streamed' } : recorder.body()));
    }
    if (typeof payload === 'string' || payload instanceof Uint8Array)
      recorder.add(typeof payload === 'string' ? Buffer.from(payload) : payload);
    const settled = await settle(recorder.body());
    if (settled.kind === 'send') return payload;
    // What the handler said besides is not for whoever gets a refusal.
    removeHeaders(reply, () => true);
    return turnedInto(reply, answerOf(settled.refusal));
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
      if (!isGuarded(request.method)) {
        done();
        return;
      }
      begin(request, reply).then(
        (beginning) => {
          if (beginning === 'goes on') done();
        },
        (error: unknown) => {
          done(error as Error);
        },
      );
    });

    app.addHook('onSend', (request: Guarded, reply, payload: unknown, done) => {
      const execution = request[executionOf];
      if (execution === undefined) {
        done(null, payload);
        return;
      }
      request[executionOf] = undefined;
      seal(reply, execution, payload).then(
        (sealed) => {
          done(null, sealed);
        },
        (error: unknown) => {
          done(error as Error);
        },
      );
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
    lookAtPieces(request.raw, (piece) => {
      if (piece !== null) pieces.push(piece);
    });
    return payload;
  }
  // Fastify's own limits go on counting: they read what comes out of here.
  const copied = new PassThrough();
  payload.on('data', (piece: Buffer) => pieces.push(piece));
  payload.on('error', (error) => copied.destroy(error));
  return payload.pipe(copied);
}

function streamOf(payload: unknown): Readable | undefined {
  if (payload instanceof Readable) return payload;
  if (payload instanceof ReadableStream) return Readable.fromWeb(payload);
  return undefined;
}

/** Passes piece by piece; only the end waits for the record. */
function sealedAtItsEnd(
  source: Readable,
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
  source.on('error', (error) => {
    void execution.abandon('unknown');
    passing.destroy(error);
  });
  passing.on('close', () => {
    void execution.lapse();
    source.destroy();
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

/** Gives the payload. */
function turnedInto(reply: FastifyReply, { status, headers, body }: Outcome): Buffer | null {
  reply.code(status).headers(headers);
  return body.kind === 'bytes' && body.bytes.byteLength > 0 ? asBuffer(body.bytes) : null;
}
