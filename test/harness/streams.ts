/** Long streams as a client sees them: on which revision each began and ended, and whether it ended whole (R16, X26). */
import { Client } from 'undici';
import { routeHeaders, type RouteHeaders } from './route-headers.js';

export interface StreamOptions {
  readonly url: string;
  /** How long the service is to send. */
  readonly seconds: number;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface StreamRecord extends RouteHeaders {
  readonly startedAt: number;
  readonly endedAt: number;
  readonly status: number | undefined;
  /** The revisions that the events named, each once, in order: one and only one in a stream that stayed. */
  readonly revisions: readonly string[];
  readonly heartbeats: number;
  /** The end marker came, and the body ended properly after it. */
  readonly whole: boolean;
  readonly failure: string | undefined;
}

export class Stream {
  /** Resolves when the stream has ended, whole or not; never rejects. */
  readonly ended: Promise<StreamRecord>;
  /** Resolves at the first event. */
  readonly began: Promise<void>;
  readonly #leave = new AbortController();

  constructor(options: StreamOptions) {
    let begin: () => void = () => undefined;
    this.began = new Promise((resolve) => {
      begin = resolve;
    });
    this.ended = follow(options, this.#leave.signal, begin).finally(begin);
  }

  /** Goes away in the middle, as a user who closes the page. */
  leave(): void {
    this.#leave.abort();
  }
}

/** `count` streams at once, each on a connection of its own; resolves when all have begun. */
export async function openStreams(options: StreamOptions, count: number): Promise<readonly Stream[]> {
  const streams = Array.from({ length: count }, () => new Stream(options));
  await Promise.all(streams.map((stream) => stream.began));
  return streams;
}

/** True if it ended whole, on the one revision that it began on. */
export function isUncut(record: StreamRecord): boolean {
  return record.whole && record.failure === undefined && record.revisions.length === 1 && record.revisions[0] === record.revision;
}

async function follow(options: StreamOptions, leave: AbortSignal, begin: () => void): Promise<StreamRecord> {
  const startedAt = Date.now();
  // A stream that is silent for far longer than a heartbeat is broken, whatever the connection says.
  const client = new Client(options.url, { bodyTimeout: 10_000, headersTimeout: 10_000 });
  let headers = routeHeaders({});
  let status: number | undefined;
  let text = '';
  let failure: string | undefined;
  try {
    const path = `/stream?s=${String(options.seconds)}`;
    const answer = await client.request({ path, method: 'GET', headers: { ...options.headers }, signal: leave });
    headers = routeHeaders(answer.headers);
    status = answer.statusCode;
    for await (const piece of answer.body) {
      text += (piece as Buffer).toString('utf8');
      begin();
    }
  } catch (error) {
    failure = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  }
  await client.destroy();
  return { startedAt, endedAt: Date.now(), status, failure, ...headers, ...readEvents(text, failure) };
}

function readEvents(text: string, failure: string | undefined): Pick<StreamRecord, 'revisions' | 'heartbeats' | 'whole'> {
  const events = text.split('\n\n').filter((event) => event !== '');
  const named = events.map((event) => /"revision":"([^"]*)"/.exec(event)?.[1]).filter((name) => name !== undefined);
  const revisions = named.filter((name, index) => index === 0 || name !== named[index - 1]);
  const heartbeats = events.filter((event) => event.startsWith('event: heartbeat')).length;
  const whole = failure === undefined && (events.at(-1)?.startsWith('event: end') ?? false);
  return { revisions, heartbeats, whole };
}
