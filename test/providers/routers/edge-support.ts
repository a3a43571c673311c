/** Stands between an adapter and the edge's control endpoint: can lose the answers to writes, and hold writes back. */
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { request } from 'undici';

export class SlowControl {
  #isLosing = false;
  #held: Promise<void> | undefined;
  #holding = 0;

  private constructor(
    readonly url: string,
    private readonly server: Server,
  ) {}

  static async before(controlUrl: string): Promise<SlowControl> {
    const server = createServer((incoming, response) => {
      void (async () => {
        const pieces: Buffer[] = [];
        for await (const piece of incoming as AsyncIterable<Buffer>) pieces.push(piece);
        if (incoming.method === 'POST' && control.#held !== undefined) {
          control.#holding++;
          await control.#held;
        }
        const passed = ['authorization', 'if-match'].filter((name) => incoming.headers[name] !== undefined);
        const { statusCode, headers, body } = await request(`${controlUrl}${incoming.url ?? ''}`, {
          method: incoming.method === 'POST' ? 'POST' : 'GET',
          headers: Object.fromEntries(passed.map((name) => [name, String(incoming.headers[name])])) as Record<string, string>,
          body: pieces.length === 0 ? null : Buffer.concat(pieces),
          reset: true,
        });
        const text = await body.text();
        // The write has taken effect; who sent it never hears of it.
        if (control.#isLosing && incoming.method === 'POST') return;
        if (headers['etag'] !== undefined) response.setHeader('etag', headers['etag']);
        response.writeHead(statusCode, { 'content-type': 'application/json' }).end(text);
      })().catch(() => response.destroy());
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const control = new SlowControl(`http://127.0.0.1:${String((server.address() as { port: number }).port)}`, server);
    return control;
  }

  /** Until the result is called. */
  loseAnswers(): () => void {
    this.#isLosing = true;
    return () => {
      this.#isLosing = false;
    };
  }

  /** Writes that are on their way and were not let go. */
  get holding(): number {
    return this.#holding;
  }

  /** Writes from now on arrive when the result is called. */
  holdWrites(): () => void {
    let release: () => void = () => undefined;
    this.#held = new Promise((resolve) => {
      release = resolve;
    });
    return () => {
      this.#held = undefined;
      this.#holding = 0;
      release();
    };
  }

  async close(): Promise<void> {
    const closing = once(this.server, 'close');
    this.server.close();
    this.server.closeAllConnections();
    await closing;
  }
}
