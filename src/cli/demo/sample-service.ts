/**
 * The demo's service on the guard, one process per revision: it answers questions, streams, and takes each question that is
 * posted once. Run as a program with `PORT RELEASE REVISION FOLDER` in the environment. `POOL_RPS` gives it a connection pool
 * that is too small: above so many requests a second every second one fails, as services do that are fine at 5 % and collapse
 * at 25 %.
 */
import { createServer, type ServerResponse } from 'node:http';
import { pipeline, Readable } from 'node:stream';
import { setTimeout as pause } from 'node:timers/promises';
import {
  drainOnSigterm,
  eventStream,
  expressGuard,
  expressService,
  MemoryStore,
  Service,
  type StreamedEvent,
} from '../../guard/index.js';
import { Answers } from './answers.js';

const TOKEN_EVERY_MS = 200;
const TOKENS = 15;

interface Settings {
  readonly port: number;
  readonly release: string;
  readonly revision: string;
  readonly folder: string;
  readonly poolRps: number;
}

function serve({ port, release, revision, folder, poolRps }: Settings): void {
  const answers = new Answers(folder);
  const pool = new Pool(poolRps);
  const service = new Service({
    name: 'answer-api',
    releaseId: release,
    revision,
    schemaPins: { schemaRev: 7, indexHash: 'demo', modelTag: 'demo-1' },
    warmUp: answers.warm,
    paths: { warmUp: '/warm' },
  });
  // The demo brings no database. Slots that share their writes take PostgreSQL or Redis.
  const guarded = expressGuard(service.guard({ store: new MemoryStore() }), { tenant: () => 'demo' });
  const measured = expressService(service);
  let asked = 0;
  const server = createServer((request, response) => {
    measured(request, response, () => {
      void guarded(request, response, () => {
        const { pathname, searchParams } = new URL(request.url ?? '/', 'http://service');
        const question = searchParams.get('q') ?? '';
        if (pathname === '/stream') {
          const events = eventStream(tokens(answers.ask(question).chunks));
          response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
          // Closes the source of who leaves.
          pipeline(Readable.from(events), response, () => undefined);
        } else if (!pool.admit()) json(response, 500, { error: 'no connection left in the pool' });
        else if (request.method === 'POST') json(response, 201, { number: ++asked, ...answers.ask(question) });
        else json(response, 200, answers.ask(question));
      });
    });
  });
  server.keepAliveTimeout = 120_000;
  server.listen(port, '127.0.0.1');
  // The router decides who gets requests here, so that nobody has to look again.
  void drainOnSigterm(service, { server, settleMs: 0 }).then(() => process.exit(0));
}

function json(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}

async function* tokens(chunks: readonly string[]): AsyncGenerator<StreamedEvent> {
  for (let sent = 1; sent <= TOKENS; sent++) {
    await pause(TOKEN_EVERY_MS);
    yield { data: chunks[sent % chunks.length] ?? '' };
  }
}

class Pool {
  private second = 0;
  private taken = 0;

  constructor(private readonly perSecond: number) {}

  admit(): boolean {
    const second = Math.floor(performance.now() / 1_000);
    if (second !== this.second) [this.second, this.taken] = [second, 0];
    this.taken += 1;
    return this.taken <= this.perSecond || this.taken % 2 === 0;
  }
}

const environment = process.env;
serve({
  port: Number(environment['PORT']),
  release: environment['RELEASE'] ?? '',
  revision: environment['REVISION'] ?? '',
  folder: environment['FOLDER'] ?? '',
  poolRps: environment['POOL_RPS'] === undefined ? Infinity : Number(environment['POOL_RPS']),
});
