/**
 * The one server behind a slot: its connections, how many requests it has, and whether it is alive. As in HAProxy's
 * configuration, three failed connections in a row take it out of the draw at once, two failed checks do so as well, and two
 * good checks bring it back (I8). It begins alive.
 */
import { connect, type Socket } from 'node:net';
import { Pool } from 'undici';

export interface SlotServerOptions {
  /** Base address; requests keep their own path. */
  readonly url: string;
  /** Between two checks, in milliseconds. */
  readonly checkEveryMs: number;
  /** Longest silence of the server before and within an answer, in milliseconds. */
  readonly silenceMs: number;
  readonly onChange: (isAlive: boolean, reason: string) => void;
}

const CONNECT_TIMEOUT_MS = 2_000;
const CONNECT_FAILURES = 3;
const FALL = 2;
const RISE = 2;

export class SlotServer {
  readonly pool: Pool;
  /** Requests under way, pinned ones included. */
  sessions = 0;
  readonly #origin: URL;
  readonly #timer: NodeJS.Timeout;
  readonly #onChange: SlotServerOptions['onChange'];
  #isAlive = true;
  #failedConnects = 0;
  /** Checks in a row that say the other thing than what stands. */
  #contrary = 0;
  #check: Socket | undefined;

  constructor(options: SlotServerOptions) {
    this.#origin = new URL(options.url);
    this.#onChange = options.onChange;
    this.pool = new Pool(this.#origin.origin, {
      // As many connections as requests; each carries one at a time, so that no stream waits behind another.
      connections: null,
      pipelining: 1,
      headersTimeout: options.silenceMs,
      bodyTimeout: options.silenceMs,
      connect: { timeout: CONNECT_TIMEOUT_MS },
    });
    this.#timer = setInterval(() => {
      this.#probe();
    }, options.checkEveryMs);
    this.#timer.unref();
  }

  get isAlive(): boolean {
    return this.#isAlive;
  }

  connected(): void {
    this.#failedConnects = 0;
  }

  connectFailed(reason: string): void {
    this.#failedConnects++;
    if (this.#isAlive && this.#failedConnects >= CONNECT_FAILURES)
      this.#turn(false, `${String(CONNECT_FAILURES)} failed connections, the last: ${reason}`);
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    this.#check?.destroy();
    await this.pool.destroy();
  }

  #probe(): void {
    if (this.#check !== undefined) return;
    const { hostname, port, protocol } = this.#origin;
    const host = hostname.replace(/^\[(.*)\]$/, '$1');
    const socket = connect({
      host,
      port: port === '' ? (protocol === 'https:' ? 443 : 80) : Number(port),
      timeout: CONNECT_TIMEOUT_MS,
    });
    this.#check = socket;
    socket.once('connect', () => {
      this.#checked(true, 'accepts connections');
      socket.destroy();
    });
    socket.once('timeout', () => socket.destroy(new Error('timed out')));
    socket.once('error', (error) => {
      this.#checked(false, error.message);
    });
    socket.once('close', () => (this.#check = undefined));
  }

  #checked(isGood: boolean, reason: string): void {
    this.#contrary = isGood === this.#isAlive ? 0 : this.#contrary + 1;
    if (this.#contrary >= (isGood ? RISE : FALL)) this.#turn(isGood, reason);
  }

  #turn(isAlive: boolean, reason: string): void {
    this.#isAlive = isAlive;
    this.#contrary = 0;
    this.#failedConnects = 0;
    this.#onChange(isAlive, reason);
  }
}
