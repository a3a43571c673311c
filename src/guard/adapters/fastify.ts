/**
 * Fastify 5. Register it in the scope whose routes it is to guard, after the hooks that authenticate: it claims in
 * `preHandler`, and seals in `onSend`, before the answer goes out. It needs no setting for raw bodies.
 */
import { PassThrough, Readable } from 'node:stream';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Execution } from '../execution.js';
import type { Guard } from '../guard.js';
import { beginRequest, checkOptions, isGuarded, isStream, KEY_HEADER, type HttpOptions } from '../http.js';
import type { Body, Outcome } from '../outcome.js';
import { answerOf, REPLAYED_HEADER } from '../problem.js';
import { BodyRecorder } from './body-recorder.js';
import { headerText } from './node-writes.js';

export type FastifyOptions = HttpOptions<FastifyRequest>;

export function fastifyGuard(guard: Guard, options: FastifyOptions): (app: FastifyInstance) => Promise<void> {
  const bodies = new WeakMap<FastifyRequest, Buffer[]>();
  const executions = new WeakMap<FastifyRequest, Execution>();
  const { streamTypes, mode } = checkOptions(options);

  return ofItsScope((app) => {
    app.addHook('preParsing', (request, _reply, payload, done) => {
      if (!isGuarded(request.method, options)) {
        done(null, payload);
        return;
      }
      // Fastify's own limits go on counting: they read what comes out of here.
      const chunks: Buffer[] = [];
      bodies.set(request, chunks);
      const copied = new PassThrough();
      payload.on('data', (chunk: Buffer) => chunks.push(chunk));
      payload.on('error', (error) => copied.destroy(error));
      payload.pipe(copied);
      done(null, copied);
    });

    app.addHook('preHandler', async (request, reply) => {
      const meta = {
        method: request.method,
        route: request.routeOptions.url ?? request.url,
        path: request.url,
        contentType: request.headers['content-type'],
        key: headerText(request.headers[KEY_HEADER]),
        tenant: isGuarded(request.method, options) ? options.tenant(request) : '',
      };
      const beginning = await beginRequest(guard, options, meta, Buffer.concat(bodies.get(request) ?? []), request);
      if (beginning.kind === 'answer') return send(reply, beginning.outcome);
      if (beginning.kind === 'execute') {
        const { execution } = beginning;
        executions.set(request, execution);
        // The client is gone. A handler that goes on may still seal what it did, unless a successor took over.
        reply.raw.once('close', () => {
          execution.leave();
        });
      }
      return undefined;
    });

    app.addHook('onSend', async (request, reply, payload: unknown) => {
      const execution = executions.get(request);
      if (execution === undefined) return payload;
      executions.delete(request);
      if (mode !== 'observe') reply.removeHeader(REPLAYED_HEADER);
      const settle = (body: Body): ReturnType<Execution['settle']> => execution.settle({ ...headOf(reply), body });
      const stream = streamOf(payload);
      const recorder = new BodyRecorder();
      if (stream !== undefined) {
        const streams = isStream(headOf(reply).headers['content-type'], streamTypes);
        return sealedAtItsEnd(stream, recorder, execution, () => settle(streams ? { kind: 'streamed' } : recorder.body()));
      }
      if (typeof payload === 'string' || payload instanceof Uint8Array) recorder.add(Buffer.from(payload));
      const settled = await settle(recorder.body());
      return settled.kind === 'send' ? payload : replaced(reply, answerOf(settled.refusal));
    });
    return Promise.resolve();
  });
}

/** Hooks of a plugin stay within it; those of ours are for the scope that registers it. */
export function ofItsScope(plugin: (app: FastifyInstance) => Promise<void>): (app: FastifyInstance) => Promise<void> {
  return Object.assign(plugin, { [Symbol.for('skip-override')]: true });
}

function headOf(reply: FastifyReply): Pick<Outcome, 'status' | 'headers'> {
  const headers = Object.entries(reply.getHeaders()).map(([name, value]) => [name, headerText(value) ?? ''] as const);
  return { status: reply.statusCode, headers: Object.fromEntries(headers) };
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
    execution.leave();
    source.destroy();
  });
  return source.pipe(passing);
}

export function send(reply: FastifyReply, outcome: Outcome): FastifyReply {
  return reply.send(replaced(reply, outcome));
}

/** Turns the reply into this answer and gives its payload. */
function replaced(reply: FastifyReply, { status, headers, body }: Outcome): Buffer | null {
  for (const name of Object.keys(reply.getHeaders())) reply.removeHeader(name);
  reply.code(status).headers(headers);
  return body.kind === 'bytes' && body.bytes.byteLength > 0 ? Buffer.from(body.bytes) : null;
}
