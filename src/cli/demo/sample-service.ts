/**
 * The demo's service, one process per revision: answers questions, streams, knows who it is. Run as a program with
 * `PORT RELEASE REVISION FOLDER` in the environment. `POOL_RPS` gives it a connection pool that is too small: above so many
 * requests a second every second one fails, as services do that are fine at 5 % and collapse at 25 %.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
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
  const startedAt = new Date().toISOString();
  const json = (response: ServerResponse, status: number, body: object): void => {
    response.writeHead(status, { 'content-type': 'application/json', 'x-revision': revision, 'x-release-id': release });
    response.end(JSON.stringify(body));
  };
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? '/', 'http://service');
    switch (url.pathname) {
      case '/.well-known/release':
        json(response, 200, {
          releaseId: release,
          revision,
          schemaPins: { schemaRev: 7, indexHash: 'demo', modelTag: 'demo-1' },
          ready: true,
          startedAt,
          parts: [],
        });
        return;
      case '/warm': {
        const checks = answers.warm();
        json(response, Object.values(checks).every((state) => state === 'ok') ? 200 : 503, checks);
        return;
      }
      case '/stream':
        stream(request, response, answers.ask(url.searchParams.get('q') ?? '').chunks);
        return;
      default:
        if (!pool.admit()) json(response, 500, { error: 'no connection left in the pool' });
        else json(response, 200, answers.ask(url.searchParams.get('q') ?? ''));
    }
  });
  server.keepAliveTimeout = 120_000;
  server.listen(port, '127.0.0.1');
  process.on('SIGTERM', () => {
    server.close(() => process.exit(0));
  });
}

/** Server-sent events with a final end marker (X26), so that a cut is seen. */
function stream(request: IncomingMessage, response: ServerResponse, chunks: readonly string[]): void {
  response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
  let sent = 0;
  const timer = setInterval(() => {
    sent += 1;
    response.write(`data: ${chunks[sent % chunks.length] ?? ''}\n\n`);
    if (sent < TOKENS) return;
    clearInterval(timer);
    response.end('event: end\ndata: end\n\n');
  }, TOKEN_EVERY_MS);
  request.on('close', () => {
    clearInterval(timer);
  });
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
