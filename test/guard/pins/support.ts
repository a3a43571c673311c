/** Services of two revisions, each in the frameworks that the pins know, and a raw one that only looks. */
import { createServer, type IncomingMessage, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import express from 'express';
import fastify from 'fastify';
import type { SchemaPins } from '../../../src/domain/words.js';
import { expressGuard } from '../../../src/guard/adapters/express.js';
import { expressPins } from '../../../src/guard/adapters/express-pins.js';
import { fastifyGuard } from '../../../src/guard/adapters/fastify.js';
import { fastifyPins } from '../../../src/guard/adapters/fastify-pins.js';
import { fetchGuard } from '../../../src/guard/adapters/fetch.js';
import { fetchPins } from '../../../src/guard/adapters/fetch-pins.js';
import type { PinOptions } from '../../../src/guard/pins/admit.js';
import { bench, gate, type Bench } from '../support.js';

export const PINS: SchemaPins = { schemaRev: 7, indexHash: 'index-a', modelTag: 'model-1' };

export const headersFor = (pins: SchemaPins): Record<string, string> => ({
  'x-schema-rev': String(pins.schemaRev),
  'x-index-hash': pins.indexHash,
  'x-model-tag': pins.modelTag,
});

export interface Served {
  readonly url: string;
  readonly stop: () => Promise<void>;
}

/** One revision of a service: `POST /vectors` writes, `POST /echo` streams the body back, `GET /events` streams. */
export interface Revision extends Served {
  readonly bench: Bench;
  /** Bodies that were written here, in order. */
  readonly written: string[];
  /** Ends the open event streams. */
  readonly finish: () => void;
}

export interface RevisionOptions extends Omit<PinOptions, 'pins'> {
  readonly pins?: SchemaPins;
  readonly bench?: Bench;
}

export interface Parts {
  readonly pins: PinOptions;
  readonly bench: Bench;
  readonly written: string[];
  readonly finished: Promise<void>;
}

export type Framework = (parts: Parts) => Promise<Served>;

export async function startRevision(framework: Framework, options: RevisionOptions): Promise<Revision> {
  const { pins = PINS, bench: own = bench({ revision: options.revision }), onEvent, ...rest } = options;
  const written: string[] = [];
  const { opened: finished, open: finish } = gate();
  const parts: Parts = {
    bench: own,
    written,
    finished,
    pins: { ...rest, pins, onEvent: onEvent ?? ((event) => own.events.push(event)) },
  };
  return { ...(await framework(parts)), bench: own, written, finish };
}

const tenant = (): string => 'acme';

export const FRAMEWORKS: Readonly<Record<string, Framework>> = {
  express: async ({ pins, bench: { guard }, written, finished }) => {
    const app = express().set('env', 'test');
    app.use(expressPins(pins), expressGuard(guard, { tenant, methods: ['PUT', 'POST'] }));
    app.post('/vectors', express.text({ type: '*/*' }), (request, response) => {
      written.push(String(request.body));
      response.status(201).send(`written by ${pins.revision}`);
    });
    app.patch('/echo', (request, response, next) => {
      response.type('application/octet-stream');
      request.pipe(response).on('error', next);
    });
    app.get('/events', async (_request, response) => {
      response.type('text/event-stream').write(`data: ${pins.revision}\n\n`);
      await finished;
      response.end('data: end\n\n');
    });
    app.get('/nothing', (_request, response) => {
      response.status(204).end();
    });
    return listen(app);
  },

  fastify: async ({ pins, bench: { guard }, written, finished }) => {
    const app = fastify({ forceCloseConnections: true });
    app.addContentTypeParser('application/octet-stream', (_request, payload, done) => {
      done(null, payload);
    });
    // The guard first: wherever it is registered, the pins come before it.
    await app.register(fastifyGuard(guard, { tenant, methods: ['PUT', 'POST'] }));
    await app.register(fastifyPins(pins));
    app.post('/vectors', (request, reply) => {
      written.push(String(request.body));
      return reply.code(201).send(`written by ${pins.revision}`);
    });
    app.patch('/echo', (request, reply) => reply.type('application/octet-stream').send(request.body));
    app.get('/events', (_request, reply) => {
      async function* pieces(): AsyncGenerator<string> {
        yield `data: ${pins.revision}\n\n`;
        await finished;
        yield 'data: end\n\n';
      }
      return reply.type('text/event-stream').send(Readable.from(pieces()));
    });
    app.get('/nothing', (_request, reply) => reply.code(204).send());
    const url = await app.listen({ host: '127.0.0.1', port: 0 });
    return { url, stop: () => app.close() };
  },

  fetch: ({ pins, bench: { guard }, written, finished }) => {
    const write = fetchGuard(guard, { tenant }, async (request) => {
      written.push(await request.text());
      return new Response(`written by ${pins.revision}`, { status: 201 });
    });
    const events = (): Response => {
      async function* pieces(): AsyncGenerator<Uint8Array> {
        yield Buffer.from(`data: ${pins.revision}\n\n`);
        await finished;
        yield Buffer.from('data: end\n\n');
      }
      const body = Readable.toWeb(Readable.from(pieces())) as ReadableStream;
      return new Response(body, { headers: { 'content-type': 'text/event-stream' } });
    };
    const handler = fetchPins(pins, (request) => {
      const { pathname } = new URL(request.url);
      if (pathname === '/events') return events();
      if (pathname === '/nothing') return new Response(null, { status: 204 });
      return pathname === '/vectors' ? write(request) : new Response(request.body);
    });
    return listen((request, response) => {
      void bridge(handler, request).then(async (answer) => {
        response.writeHead(answer.status, [...answer.headers].flat());
        response.flushHeaders();
        if (answer.body === null) response.end();
        else await pipeline(Readable.fromWeb(answer.body), response).catch(() => undefined);
      });
    });
  },
};

async function bridge(handler: (request: Request) => Promise<Response>, request: IncomingMessage): Promise<Response> {
  const left = new AbortController();
  request.socket.once('close', () => {
    left.abort();
  });
  const { method = 'GET', headers, url = '/' } = request;
  const hasBody = headers['content-length'] !== undefined || headers['transfer-encoding'] !== undefined;
  return handler(
    new Request(`http://${headers.host ?? ''}${url}`, {
      method,
      headers: Object.entries(headers).map(([name, value]): [string, string] => [name, String(value)]),
      signal: left.signal,
      ...(hasBody ? { body: Readable.toWeb(request) as ReadableStream, duplex: 'half' } : {}),
    }),
  );
}

/** What reached a server, byte by byte as it was sent. */
export interface Seen {
  readonly method: string | undefined;
  readonly url: string | undefined;
  readonly headers: IncomingMessage['headers'];
  readonly body: Buffer;
}

/** Looks and answers 200, or whatever `answer` does with the response. */
export async function startLooker(
  answer: (response: Parameters<RequestListener>[1], seen: Seen) => void = (response) => response.end('looked'),
): Promise<Served & { readonly seen: Seen[] }> {
  const seen: Seen[] = [];
  const served = await listen((request, response) => {
    void buffer(request).then((body) => {
      const { method, url, headers } = request;
      const one = { method, url, headers, body };
      seen.push(one);
      answer(response, one);
    });
  });
  return { ...served, seen };
}

export async function listen(listener: RequestListener): Promise<Served> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => {
          resolve();
        });
        server.closeAllConnections();
      }),
  };
}
