/** What stands between a drill's worker and the real router and metrics: it passes everything on until it is told to break. */
import { createServer as createHttpServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { Agent, request, type Dispatcher } from 'undici';
import { HOP_BY_HOP } from '../../http/hop-by-hop.js';

export type Manner =
  | 'pass'
  /** Takes on what is asked, and never answers. */
  | 'hang'
  /** Answers 503 without having asked anybody. */
  | 'fail';

export interface Between {
  /** Told to the worker in place of the real one. */
  readonly address: string;
  /** Asked and answered so far. */
  readonly passed: () => number;
  behave(manner: Manner): void;
  close(): Promise<void>;
}

/** Between these two machines only, or answered here; the rest of a request and of an answer is passed on as it is. */
const NOT_ONWARD: ReadonlySet<string> = new Set([...HOP_BY_HOP, 'host', 'content-length', 'accept-encoding', 'expect']);

/** Of an HTTP address. `alter` gets every page that is passed on, and gives the one that the worker sees. */
export async function httpBetween(url: string, alter: (page: string) => string = (page) => page): Promise<Between> {
  const { origin, href } = new URL(url);
  const agent = new Agent();
  let manner: Manner = 'pass';
  let passed = 0;
  const server = createHttpServer((incoming, outgoing) => {
    if (manner === 'hang') return;
    if (manner === 'fail') {
      outgoing.writeHead(503).end();
      return;
    }
    pass(incoming, outgoing).catch(() => {
      // As the worker would see it without us: nobody answers.
      outgoing.destroy();
    });
  });
  const { port } = await listening(server, { port: 0, host: '127.0.0.1' });
  return {
    address: href.replace(origin, `http://127.0.0.1:${port}`),
    passed: () => passed,
    behave: (wanted) => {
      manner = wanted;
    },
    close: async () => {
      await closed(server, () => {
        server.closeAllConnections();
      });
      await agent.destroy();
    },
  };

  async function pass(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const answer = await request(`${origin}${incoming.url ?? '/'}`, {
      method: incoming.method as Dispatcher.HttpMethod,
      headers: endToEnd(incoming.headers),
      body: incoming.method === 'GET' ? null : incoming,
      dispatcher: agent,
    });
    const page = alter(await answer.body.text());
    outgoing.writeHead(answer.statusCode, endToEnd(answer.headers)).end(page);
    passed += 1;
  }
}

function endToEnd(headers: IncomingMessage['headers']): Record<string, string | string[]> {
  return Object.fromEntries(
    Object.entries(headers).filter(
      (entry): entry is [string, string | string[]] => entry[1] !== undefined && !NOT_ONWARD.has(entry[0]),
    ),
  );
}

/** Of a Unix socket. `at` is the path of ours. */
export async function socketBetween(path: string, at: string): Promise<Between> {
  let manner: Manner = 'pass';
  let passed = 0;
  const open = new Set<Socket>();
  // Half-closed after the command, as HAProxy wants it.
  const server = createServer({ allowHalfOpen: true }, (incoming) => {
    const keep = (socket: Socket): Socket => {
      open.add(socket);
      socket.once('close', () => open.delete(socket));
      return socket;
    };
    keep(incoming).once('error', () => incoming.destroy());
    if (manner === 'hang') return;
    if (manner === 'fail') {
      incoming.destroy();
      return;
    }
    const outgoing = keep(connect({ path, allowHalfOpen: true }));
    outgoing.once('error', () => incoming.destroy());
    incoming.once('close', () => outgoing.destroy());
    incoming.pipe(outgoing);
    outgoing.pipe(incoming);
    outgoing.once('end', () => (passed += 1));
  });
  await listening(server, { path: at });
  return {
    address: at,
    passed: () => passed,
    behave: (wanted) => {
      manner = wanted;
    },
    close: () =>
      closed(server, () => {
        for (const socket of open) socket.destroy();
      }),
  };
}

function listening(server: Server, where: { port: number; host: string } | { path: string }): Promise<AddressInfo> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(where, () => {
      resolve(server.address() as AddressInfo);
    });
  });
}

function closed(server: Server, cut: () => void): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => {
      resolve();
    });
    cut();
  });
}
