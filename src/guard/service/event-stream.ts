/**
 * Streams whose cut is seen (X26): a heartbeat while there is nothing to say, and a marker at the end. A source that throws ends
 * the stream without the marker, and so does a killed process.
 */

export interface StreamedEvent {
  /** Not `end` and not `heartbeat`, which are this module's. */
  readonly event?: string;
  /** Text as it is, anything else as JSON. */
  readonly data: unknown;
}

export interface EventStreamOptions {
  /** `sse`: server-sent events. `ndjson`: a line of JSON each, `{"event", "data"}`. */
  readonly format?: 'sse' | 'ndjson' | undefined;
  /** In milliseconds; 10 s. Under the shortest idle timeout on the way. */
  readonly heartbeatMs?: number | undefined;
}

const HEARTBEAT_MS = 10_000;
const OURS = ['end', 'heartbeat'];

/** For `Readable.from(…).pipe(response)`, or `new Response(ReadableStream.from(…))`. Closing it closes the source. */
export async function* eventStream(
  source: AsyncIterable<StreamedEvent>,
  { format = 'sse', heartbeatMs = HEARTBEAT_MS }: EventStreamOptions = {},
): AsyncGenerator<Uint8Array, void, undefined> {
  const write = format === 'sse' ? asServerSent : asLine;
  const events = source[Symbol.asyncIterator]();
  let next = events.next();
  try {
    for (;;) {
      const seen = await within(next, heartbeatMs);
      if (seen === undefined) {
        yield write({ event: 'heartbeat', data: '' });
        continue;
      }
      if (seen.done === true) break;
      const { event } = seen.value;
      if (event !== undefined && OURS.includes(event)) throw new TypeError(`an event may not be called "${event}"`);
      yield write(seen.value);
      next = events.next();
    }
    yield write({ event: 'end', data: '' });
  } finally {
    next.catch(() => undefined);
    // Not awaited: a source that waits for something would hold the stream that nobody reads any more.
    void events.return?.().catch(() => undefined);
  }
}

/** What a stream said, without heartbeats and marker. Throws `StreamCut` where the marker never came. */
export async function* wholeEvents(
  body: AsyncIterable<Uint8Array>,
  { format = 'sse' }: Pick<EventStreamOptions, 'format'> = {},
): AsyncGenerator<{ readonly event: string | undefined; readonly data: string }, void, undefined> {
  const [separator, read] = format === 'sse' ? ([/\r?\n\r?\n/, fromServerSent] as const) : ([/\r?\n/, fromLine] as const);
  const decoder = new TextDecoder();
  let rest = '';
  let ended = false;
  try {
    for await (const bytes of body) {
      const blocks = (rest + decoder.decode(bytes, { stream: true })).split(separator);
      rest = blocks.pop() ?? '';
      for (const block of blocks) {
        if (block.trim() === '') continue;
        const one = read(block);
        if (one.event === 'end') ended = true;
        else if (one.event !== 'heartbeat') yield one;
      }
    }
  } catch (error) {
    throw new StreamCut(error);
  }
  if (!ended) throw new StreamCut();
}

/** The stream broke off: what it said so far is not all of it. */
export class StreamCut extends Error {
  override readonly name = 'StreamCut';

  constructor(cause?: unknown) {
    super('the stream ended without its end marker', cause === undefined ? {} : { cause });
  }
}

/** Undefined: not yet. */
async function within<T>(next: Promise<T>, ms: number): Promise<T | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(resolve, ms, undefined);
  });
  return Promise.race([next, late]).finally(() => {
    clearTimeout(timer);
  });
}

const textOf = (data: unknown): string => (typeof data === 'string' ? data : JSON.stringify(data ?? null));

function asServerSent({ event, data }: StreamedEvent): Uint8Array {
  const lines = textOf(data)
    .split(/\r\n|\r|\n/)
    .map((line) => `data: ${line}\n`);
  const name = event === undefined ? '' : `event: ${event.replace(/[\r\n]/g, ' ')}\n`;
  return Buffer.from(`${name}${lines.join('')}\n`);
}

function fromServerSent(block: string): { readonly event: string | undefined; readonly data: string } {
  const fields = block.split(/\r?\n/).map((line) => /^(\w+): ?(.*)$/s.exec(line));
  const valuesOf = (name: string): readonly string[] => fields.flatMap((field) => (field?.[1] === name ? [field[2] ?? ''] : []));
  return { event: valuesOf('event').at(-1), data: valuesOf('data').join('\n') };
}

const asLine = ({ event, data }: StreamedEvent): Uint8Array => Buffer.from(`${JSON.stringify({ event, data })}\n`);

function fromLine(block: string): { readonly event: string | undefined; readonly data: string } {
  const { event, data } = JSON.parse(block) as { event?: unknown; data?: unknown };
  return { event: typeof event === 'string' ? event : undefined, data: textOf(data) };
}
