import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { eventStream, StreamCut, wholeEvents, type StreamedEvent } from '../../../src/guard/service/event-stream.js';
import { gate } from '../support.js';

const FORMATS = ['sse', 'ndjson'] as const;

async function* listed(events: readonly StreamedEvent[]): AsyncGenerator<StreamedEvent> {
  for (const event of events) yield await Promise.resolve(event);
}

async function bytesOf(stream: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** The bytes in pieces of some length: what the network makes of them. */
async function* inPieces(bytes: Uint8Array, length: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += length) yield await Promise.resolve(bytes.subarray(at, at + length));
}

async function read(body: AsyncIterable<Uint8Array>, format: (typeof FORMATS)[number]): Promise<[string | undefined, string][]> {
  const seen: [string | undefined, string][] = [];
  for await (const { event, data } of wholeEvents(body, { format })) seen.push([event, data]);
  return seen;
}

test('server-sent events are written as browsers read them, and end with the marker', async () => {
  const bytes = await bytesOf(
    eventStream(listed([{ data: 'one' }, { event: 'token', data: { text: 'a\nb' } }, { data: 'x\ny' }])),
  );
  assert.equal(
    bytes.toString(),
    'data: one\n\nevent: token\ndata: {"text":"a\\nb"}\n\ndata: x\ndata: y\n\nevent: end\ndata: \n\n',
  );
});

/** The separators that regular expressions take for line ends, and the protocol does not, come often. */
const unit = fc.oneof(
  fc.constantFrom('\u2028', '\u0085', '\n', ':', ' '),
  fc.string({ unit: 'binary', minLength: 1, maxLength: 1 }),
);
const lines = fc.string({ unit }).map((text) => text.replace(/\r\n?|\r/g, '\n'));

for (const format of FORMATS) {
  test(`${format}: what is read is what was written, in whatever pieces it arrives`, async () => {
    const events = fc.array(fc.record({ event: fc.constantFrom(undefined, 'token', 'usage'), data: lines }), { maxLength: 6 });
    await fc.assert(
      fc.asyncProperty(events, fc.integer({ min: 1, max: 40 }), async (given, length) => {
        const written = given.map(({ event, data }) => (event === undefined ? { data } : { event, data }));
        const bytes = await bytesOf(eventStream(listed(written), { format }));
        assert.deepEqual(
          await read(inPieces(bytes, length), format),
          given.map(({ event, data }) => [event, data]),
        );
      }),
    );
  });

  test(`${format}: a stream that was cut at any byte is seen to be`, async () => {
    const bytes = await bytesOf(eventStream(listed([{ data: 'one' }, { event: 'token', data: 'two' }]), { format }));
    for (let length = 0; length < bytes.length; length++)
      await assert.rejects(read(inPieces(bytes.subarray(0, length), 7), format), StreamCut, `cut after ${length} bytes`);
    await assert.doesNotReject(read(inPieces(bytes, 7), format));
  });

  test(`${format}: while the source is silent there are heartbeats, which readers do not see`, async () => {
    const silence = gate();
    async function* slow(): AsyncGenerator<StreamedEvent> {
      yield { data: 'one' };
      await silence.opened;
      yield { data: 'two' };
    }
    const chunks: Buffer[] = [];
    for await (const chunk of eventStream(slow(), { format, heartbeatMs: 5 })) {
      chunks.push(Buffer.from(chunk));
      if (chunks.filter((one) => one.includes('heartbeat')).length === 3) silence.open();
    }
    assert.match(Buffer.concat(chunks).toString(), /(heartbeat[^]*){3}/);
    assert.deepEqual(await read(inPieces(Buffer.concat(chunks), 9), format), [
      [undefined, 'one'],
      [undefined, 'two'],
    ]);
  });
}

test('a source that fails ends the stream without the marker', async () => {
  async function* broken(): AsyncGenerator<StreamedEvent> {
    yield await Promise.resolve({ data: 'one' });
    throw new Error('the model is gone');
  }
  const chunks: Uint8Array[] = [];
  await assert.rejects(async () => {
    for await (const chunk of eventStream(broken())) chunks.push(chunk);
  }, /the model is gone/);
  await assert.rejects(read(inPieces(Buffer.concat(chunks), 9), 'sse'), StreamCut);
});

test('a connection that breaks is a cut, with its cause', async () => {
  async function* broken(): AsyncGenerator<Uint8Array> {
    yield await Promise.resolve(Buffer.from('data: one\n\n'));
    throw new Error('ECONNRESET');
  }
  await assert.rejects(read(broken(), 'sse'), (error) => error instanceof StreamCut && error.cause instanceof Error);
});

test('who stops reading closes the source, although it waits for something', async () => {
  let closed = false;
  const endless: AsyncIterable<StreamedEvent> = {
    [Symbol.asyncIterator]: () => ({
      next: () => new Promise(() => undefined),
      return: () => {
        closed = true;
        return Promise.resolve({ done: true, value: undefined });
      },
    }),
  };
  for await (const chunk of eventStream(endless, { heartbeatMs: 5 })) {
    assert.match(Buffer.from(chunk).toString(), /heartbeat/);
    break;
  }
  assert.equal(closed, true);
});

test('an event cannot forge the end of its stream, nor add lines by its name', async () => {
  await assert.rejects(bytesOf(eventStream(listed([{ event: 'end', data: 1 }]))), /an event may not be called "end"/);
  const bytes = await bytesOf(eventStream(listed([{ event: 'a\nevent: end', data: '' }])));
  assert.equal(bytes.toString(), 'event: a event: end\ndata: \n\nevent: end\ndata: \n\n');
});
