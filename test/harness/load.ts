/**
 * Users, as many as the test says: requests at a steady rate over kept connections, each written down. The generator ends
 * by itself after so many requests or so long, whichever comes first, so that a failing test cannot leave it running.
 */
import { setMaxListeners } from 'node:events';
import type { IncomingHttpHeaders } from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';
import { Pool } from 'undici';
import { routeHeaders, type RouteHeaders } from './route-headers.js';

export interface LoadOptions {
  /** Base address: the proxy's. */
  readonly url: string;
  readonly path?: string;
  /** GET unless told. */
  readonly method?: 'GET' | 'POST';
  readonly body?: string;
  readonly requestsPerSecond: number;
  /** Connections, and so requests at one time; 8 unless told. A rate that they cannot carry is not made up for later. */
  readonly concurrency?: number;
  readonly atMost: { readonly requests: number; readonly ms: number };
  /** Headers of the n-th request, from 0: a user's id, a pin. */
  readonly headers?: (n: number) => Record<string, string>;
  /** Sees the headers of the answer to the n-th request. */
  readonly answered?: (n: number, headers: IncomingHttpHeaders) => void;
  /** A request without an answer after so long has failed; 10 s unless told. */
  readonly timeoutMs?: number;
}

export interface LoadRecord extends RouteHeaders {
  readonly n: number;
  readonly sentAt: number;
  /** When the answer was there as a whole, or the failure was noticed. */
  readonly answeredAt: number;
  /** Undefined if there was no answer, or only half of one. */
  readonly status: number | undefined;
  readonly failure: string | undefined;
}

/** No whole answer, or one of the server's failing. */
export const hasFailed = ({ failure, status }: LoadRecord): boolean => failure !== undefined || (status ?? 0) >= 500;

export class Load {
  /** In the order of answers; grows while the load runs. */
  readonly records: LoadRecord[] = [];
  /** Resolves when the last request is answered. */
  readonly finished: Promise<readonly LoadRecord[]>;
  readonly #options: LoadOptions;
  readonly #pool: Pool;
  readonly #begun = performance.now();
  readonly #stop = new AbortController();
  #sent = 0;
  #nextDueMs = 0;

  constructor(options: LoadOptions) {
    const connections = options.concurrency ?? 8;
    this.#options = options;
    setMaxListeners(connections + 1, this.#stop.signal);
    this.#pool = new Pool(options.url, { connections, pipelining: 1, headersTimeout: options.timeoutMs ?? 10_000 });
    this.finished = this.#run(connections);
  }

  /** Sends no more, and resolves when what is under way is answered. */
  stop(): Promise<readonly LoadRecord[]> {
    this.#stop.abort();
    return this.finished;
  }

  async #run(connections: number): Promise<readonly LoadRecord[]> {
    await Promise.all(Array.from({ length: connections }, () => this.#send()));
    await this.#pool.close();
    return this.records;
  }

  /** One user after another on one of the connections, each at its own moment of the common timetable. */
  async #send(): Promise<void> {
    const { atMost, requestsPerSecond } = this.#options;
    const intervalMs = 1_000 / requestsPerSecond;
    for (;;) {
      const elapsedMs = performance.now() - this.#begun;
      // Seats of the timetable that nobody could take in time stay empty, or every pause would end in a burst.
      const dueMs = Math.max(this.#nextDueMs, elapsedMs - intervalMs);
      const n = this.#sent;
      if (n >= atMost.requests || dueMs > atMost.ms) return;
      this.#sent++;
      this.#nextDueMs = dueMs + intervalMs;
      await pause(Math.max(0, dueMs - elapsedMs), undefined, { signal: this.#stop.signal }).catch(() => undefined);
      if (this.#stop.signal.aborted) return;
      this.records.push(await this.#one(n));
    }
  }

  async #one(n: number): Promise<LoadRecord> {
    const sentAt = Date.now();
    const { path = '/', method = 'GET', body = null } = this.#options;
    const headers = this.#options.headers?.(n) ?? {};
    try {
      const answer = await this.#pool.request({ path, method, headers, body });
      await answer.body.dump({ limit: 1 << 20 });
      this.#options.answered?.(n, answer.headers);
      return {
        n,
        sentAt,
        answeredAt: Date.now(),
        status: answer.statusCode,
        failure: undefined,
        ...routeHeaders(answer.headers),
      };
    } catch (error) {
      const failure = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
      return { n, sentAt, answeredAt: Date.now(), status: undefined, failure, ...routeHeaders({}) };
    }
  }
}
