/**
 * Outgoing calls that are tried again: three tries in all, full jitter, within one budget (R23). Only 408, 429 and 5xx are
 * reasons, and every try has the same key (X23, A19).
 *
 * No retry crosses from one revision to another without schema pins: who answers a retry is the router's choice, and without
 * pins the other revision cannot tell that the request was not made for it. The first answer by another revision is the last.
 */
import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import pRetry from 'p-retry';
import type { SchemaPins } from '../../domain/words.js';
import { isWrite, KEY_HEADER } from '../http.js';
import { checkOptions, needed, optional } from '../options.js';
import { pinnedFetch } from '../pins/pinned-fetch.js';
import { parsePins } from '../pins/schema-pins.js';
import { retryAfterMs } from './retry-after.js';

export interface RetryOptions {
  /** For all tries and the waiting between them, the answer's body included, in milliseconds. Under the timeout of whoever waits. */
  readonly budgetMs: number;
  /** Stamped on every try; without them there is no retry across revisions. */
  readonly pins?: SchemaPins | undefined;
  readonly fetch?: typeof globalThis.fetch | undefined;
  /** Called before each further try, for the count of retries (R32). */
  readonly onRetry?: ((retry: Retry) => void) | undefined;
  readonly clock?: RetryClock | undefined;
  /** 0 to 1, 1 left out. */
  readonly random?: (() => number) | undefined;
}

export interface Retry {
  /** 2 or 3. */
  readonly attempt: number;
  readonly status: number;
  readonly waitMs: number;
}

export interface RetryClock {
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /** Rejects with the signal's reason. */
  readonly wait: (ms: number, signal: AbortSignal) => Promise<void>;
}

const WANTS = {
  budgetMs: needed('duration'),
  pins: optional('object', 'the schema pins of the revision that calls'),
  fetch: optional('function'),
  onRetry: optional('function'),
  clock: optional('object'),
  random: optional('function'),
};

const TRIES = 3;
const BASE_MS = 100;
const CAP_MS = 2_000;
const REVISION_HEADER = 'x-revision';

const realClock: RetryClock = {
  now: Date.now,
  wait: async (ms, signal) => {
    await pause(ms, undefined, { signal }).catch((error: unknown) => {
      signal.throwIfAborted();
      throw error;
    });
  },
};

/** How an answer that may be asked again leaves a try. */
class AskAgain extends Error {
  constructor(readonly response: Response) {
    super(`answered ${String(response.status)}`);
  }
}

/**
 * Like `fetch`: the answer to the last try is the answer, whatever its status. Rejects as `fetch` does, with a `TimeoutError` when
 * the budget is spent, and with the caller's own reason when it gave up. No answer at all is no reason for a retry. A write
 * without `Idempotency-Key` gets one (R19). A body that is a stream is sent once.
 */
export function retryingFetch(options: RetryOptions): typeof globalThis.fetch {
  checkOptions<RetryOptions>('retryingFetch', options, WANTS);
  const { budgetMs, pins, fetch = globalThis.fetch, onRetry, clock = realClock, random = Math.random } = options;
  if (!(budgetMs >= 1)) throw new RangeError(`budgetMs is ${String(budgetMs)}, it must be at least 1`);
  const send = pins === undefined ? fetch : pinnedFetch({ pins, fetch });

  return async (input, init) => {
    const request = input instanceof Request ? input : undefined;
    const headers = new Headers(init?.headers ?? request?.headers);
    const method = init?.method ?? request?.method ?? 'GET';
    if (isWrite(method) && !headers.has(KEY_HEADER)) headers.set(KEY_HEADER, randomUUID());
    const hasPins = pins !== undefined || parsePins((name) => headers.get(name) ?? undefined).kind === 'pins';
    const signal = withinBudget(budgetMs, init?.signal ?? request?.signal);
    const until = clock.now() + budgetMs;
    const tries = isReadOnce(init?.body) ? 1 : TRIES;
    let revision: string | undefined;

    const attempt = async (): Promise<Response> => {
      // A body can be read once: each try gets a copy of the request.
      const response = await send(request?.clone() ?? input, { ...init, headers, signal });
      if (mayAskAgain(response.status)) throw new AskAgain(response);
      return response;
    };
    const wouldCross = ({ headers: told }: Response): boolean => {
      const before = revision;
      revision = told.get(REVISION_HEADER) ?? before;
      return !hasPins && before !== undefined && revision !== before;
    };

    try {
      return await pRetry(attempt, {
        retries: tries - 1,
        // The waiting is ours: the library's jitter is not the full one, and it knows no Retry-After.
        minTimeout: 0,
        signal,
        shouldRetry: async ({ error, attemptNumber }) => {
          if (!(error instanceof AskAgain)) return false;
          const { response } = error;
          const asked = retryAfterMs(response.headers, clock.now()) ?? 0;
          const waitMs = asked + random() * Math.min(CAP_MS, BASE_MS * 2 ** (attemptNumber - 1));
          if (wouldCross(response) || clock.now() + waitMs >= until) return false;
          await response.body?.cancel();
          onRetry?.({ attempt: attemptNumber + 1, status: response.status, waitMs });
          await clock.wait(waitMs, signal);
          return true;
        },
      });
    } catch (error) {
      if (error instanceof AskAgain) return error.response;
      throw error;
    }
  };
}

/**
 * One signal for the budget and the caller. Not `AbortSignal.any`: in Node 20 what it makes of a time limit is collected as
 * garbage while an answer's body is read, and then never aborts.
 */
function withinBudget(budgetMs: number, callers: AbortSignal | null | undefined): AbortSignal {
  const over = new AbortController();
  const giveUp = (): void => {
    over.abort(callers?.reason);
  };
  if (callers?.aborted === true) giveUp();
  callers?.addEventListener('abort', giveUp, { once: true });
  const timer = setTimeout(() => {
    callers?.removeEventListener('abort', giveUp);
    over.abort(new DOMException(`not answered within ${String(budgetMs)} ms, all tries included`, 'TimeoutError'));
  }, budgetMs);
  timer.unref();
  return over.signal;
}

const mayAskAgain = (status: number): boolean => status === 408 || status === 429 || status >= 500;

/** Web streams, Node's streams and generators alike. */
const isReadOnce = (body: unknown): boolean => typeof body === 'object' && body !== null && Symbol.asyncIterator in body;
