/** Every answer is one line of the log, and the line says who ended it (A23). */
import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { connect } from 'node:net';
import { once } from 'node:events';
import { test } from 'node:test';
import { Client, request } from 'undici';
import { parseLogLine } from '../../../src/dataplane/exporter/log-line.js';
import { LOG_KEYS } from '../../harness/access-log.js';
import { until } from '../../harness/until.js';
import { ask, startTestEdge, type TestEdge } from './support.js';

const edgeTest = (title: string, play: (edge: TestEdge) => Promise<void>, more?: Parameters<typeof startTestEdge>[0]): void => {
  void test(title, { timeout: 60_000 }, async () => {
    const edge = await startTestEdge(more);
    try {
      await play(edge);
    } finally {
      await edge.stop();
    }
  });
};

edgeTest('a complete answer is ----, and its line has exactly the keys of HAProxy’s in their order', async (edge) => {
  const before = Date.now();
  await edge.get();
  const line = await edge.line(1);
  assert.deepEqual(Object.keys(line), LOG_KEYS);
  const { at, Ta, Tr, bytes, pid, ...rest } = line;
  assert.deepEqual(rest, {
    svc: 'app',
    slot: 'blue',
    role: 'stable',
    why: 'no-lease',
    gen: 'none.0',
    lease: 'expired',
    release: '-',
    st: 200,
    ts: '----',
    ct: '-',
    stick: '-',
  });
  assert.ok(at >= before && at <= Date.now() && Ta >= 0 && Tr >= 0 && bytes > 100 && pid === process.pid, JSON.stringify(line));
});

edgeTest('a slot that dies within its answer is SD--, and the client sees the cut (X26)', async (edge) => {
  for (const head of [{ 'content-type': 'text/event-stream' }, { 'content-length': '100', 'content-type': 'text/plain' }]) {
    edge.blue.handler = (_, response) => {
      response.writeHead(200, head);
      response.write('half', () => response.destroy());
    };
    await assert.rejects(edge.get(), 'half an answer must not look whole');
  }
  for (const n of [1, 2]) assert.deepEqual([(await edge.line(n)).ts, (await edge.line(n)).st], ['SD--', 200]);
  assert.equal((await edge.line(1)).ct, 'text/event-stream');
});

edgeTest('a slot that dies before its answer is SH--, and the client gets 502', async (edge) => {
  edge.blue.handler = (_, response) => response.destroy();
  const { status, headers } = await edge.get();
  assert.deepEqual([status, headers['content-type'], headers['x-release-slot']], [502, 'application/problem+json', 'blue']);
  const { ts, st, slot, Tr } = await edge.line(1);
  assert.deepEqual([ts, st, slot, Tr], ['SH--', 502, 'blue', -1]);
});

edgeTest('a slot without a listener is SC-- and 503', async (edge) => {
  await edge.blue.die();
  assert.equal((await edge.get()).status, 503);
  const { ts, st, Tr } = await edge.line(1);
  assert.deepEqual([ts, st, Tr], ['SC--', 503, -1]);
});

edgeTest(
  'a slot that is silent for too long is sH-- before its answer and sD-- within it',
  async (edge) => {
    edge.blue.handler = () => undefined;
    assert.equal((await edge.get()).status, 504);
    edge.blue.handler = (_, response) => void response.writeHead(200).write('a beat, and then nothing');
    await assert.rejects(edge.get());
    assert.deepEqual([(await edge.line(1)).ts, (await edge.line(2)).ts], ['sH--', 'sD--']);
  },
  { silenceMs: 300 },
);

edgeTest('a client that leaves within the answer is CD--, before it CH--, and the slot hears of both', async (edge) => {
  const client = new Client(edge.edge.addresses.public.url);
  const left: string[] = [];
  edge.blue.handler = (incoming, response) => {
    response.once('close', () => left.push(incoming.url ?? ''));
    if (incoming.url === '/within') response.writeHead(200, { 'content-type': 'text/event-stream' }).write('data: 1\n\n');
  };
  const { body } = await client.request({ path: '/within', method: 'GET' });
  for await (const _ of body) break;
  await until(() => left.includes('/within'), { withinMs: 5_000, what: 'the slot to see the client leave' });
  const leaving = new AbortController();
  const asking = client.request({ path: '/before', method: 'GET', signal: leaving.signal });
  await until(() => edge.blue.requests === 2, { withinMs: 5_000, what: 'the second request at the slot' });
  leaving.abort();
  await assert.rejects(asking);
  await until(() => left.includes('/before'), { withinMs: 5_000, what: 'the slot to see the client leave' });
  assert.deepEqual([(await edge.line(1)).ts, (await edge.line(1)).st], ['CD--', 200]);
  assert.deepEqual([(await edge.line(2)).ts, (await edge.line(2)).st, (await edge.line(2)).Tr], ['CH--', 400, -1]);
  const { sessions } = (await edge.control('GET', '/route?svc=app')).body;
  assert.deepEqual(sessions, { blue: 0, green: 0 });
  await client.destroy();
});

edgeTest('closing the edge waits for open answers as long as it is told, and what it cuts is K', async (edge) => {
  const open = () => request(`${edge.edge.addresses.public.url}/stream`);
  const [short, long] = [await open(), await open()];
  const cut = assert.rejects(long.body.text());
  edge.blue.streams[0]?.end('data: end\n\n');
  assert.match(await short.body.text(), /end/);
  await Promise.all([edge.edge.close({ drainMs: 50 }), cut]);
  assert.deepEqual(
    edge.lines.map(({ ts }) => ts),
    ['----', 'KD--'],
  );
});

edgeTest('bytes that are no request are a line of the same keys, and 400', async (edge) => {
  const socket = connect(edge.edge.addresses.public.port, '127.0.0.1');
  socket.end('this is not HTTP\r\n\r\n');
  const [answer] = (await once(socket, 'data')) as [Buffer];
  assert.match(answer.toString(), /^HTTP\/1.1 400 /);
  socket.destroy();
  const line = await edge.line(1);
  assert.deepEqual([Object.keys(line), line.ts, line.st, line.svc], [LOG_KEYS, 'PR--', 400, '-']);
});

void test(
  'the log goes over UDP as well, one datagram a line, in the form that the exporter reads',
  { timeout: 60_000 },
  async () => {
    const receiver = createSocket('udp4');
    const received: string[] = [];
    receiver.on('message', (datagram) => received.push(datagram.toString()));
    receiver.bind(0, '127.0.0.1');
    await once(receiver, 'listening');
    const edge = await startTestEdge({ log: { port: receiver.address().port } });
    try {
      for (let n = 0; n < 20; n++) await edge.get();
      await until(() => received.length === 20, { withinMs: 5_000, what: '20 datagrams' });
      for (const line of received) assert.equal(parseLogLine(line).kind, 'request', line);
    } finally {
      await edge.stop();
      receiver.close();
    }
  },
);

edgeTest('the head and each piece of a stream pass at once, before there is more', async (edge) => {
  edge.blue.handler = (_, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.flushHeaders();
    edge.blue.streams.push(response);
  };
  const { body, statusCode } = await request(`${edge.edge.addresses.public.url}/`);
  assert.equal(statusCode, 200, 'the head came, although the slot has sent no byte of the body');
  const pieces = body[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  for (const text of ['one', 'two', 'three']) {
    edge.blue.streams[0]?.write(text);
    assert.equal(((await pieces.next()).value as Buffer).toString(), text);
  }
  edge.blue.streams[0]?.end();
  assert.equal((await pieces.next()).done, true);
});

edgeTest('a slow client slows the slot: the edge holds little of a large answer', async (edge) => {
  const piece = Buffer.alloc(64 * 1_024, 'x');
  const pieces = 1_000;
  let sent = 0;
  edge.blue.handler = (_, response) => {
    const more = (): void => {
      do sent++;
      while (response.write(piece) && sent < pieces);
      if (sent < pieces) response.once('drain', more);
      else response.end();
    };
    more();
  };
  const { body } = await request(edge.edge.addresses.public.url);
  // The slot stops by itself when every buffer on the way is full: twice the same count, some turns apart.
  let before = -1;
  await until(
    () => {
      const isStill = sent === before;
      before = sent;
      return isStill;
    },
    { withinMs: 10_000, what: 'the slot to be held back', everyMs: 200 },
  );
  assert.ok(
    sent < pieces / 2,
    `${String(sent)} of ${String(pieces)} pieces were taken from the slot while the client read nothing`,
  );
  let bytes = 0;
  for await (const part of body as AsyncIterable<Buffer>) bytes += part.length;
  assert.equal(bytes, pieces * piece.length);
});

edgeTest('an upload goes through as a whole', async (edge) => {
  const size = 20 * 1_024 * 1_024;
  edge.blue.handler = (incoming, response) => {
    let bytes = 0;
    incoming.on('data', (part: Buffer) => (bytes += part.length));
    incoming.once('end', () => response.end(String(bytes)));
  };
  const upload = { method: 'POST', body: Buffer.alloc(size) } as const;
  assert.equal((await ask(edge.edge.addresses.public.url, upload)).body, String(size));
});

edgeTest('an upload that is answered early gets its answer, and its connection goes on', async (edge) => {
  edge.blue.handler = (incoming, response) => {
    incoming.resume();
    if (incoming.method === 'POST') response.writeHead(413).end('too large');
    else response.end('next');
  };
  const socket = connect(edge.edge.addresses.public.port, '127.0.0.1');
  let received = '';
  socket.setEncoding('utf8').on('data', (text: string) => (received += text));
  const half = 'x'.repeat(500_000);
  socket.write(`POST / HTTP/1.1\r\nhost: app\r\ncontent-length: ${String(2 * half.length)}\r\n\r\n${half}`);
  await until(() => received.endsWith('too large\r\n0\r\n\r\n') || received.endsWith('too large'), {
    withinMs: 10_000,
    what: 'the early answer',
  });
  socket.write(`${half}GET / HTTP/1.1\r\nhost: app\r\n\r\n`);
  await until(() => received.includes('next'), { withinMs: 10_000, what: 'the answer to the next request on the connection' });
  socket.destroy();
  assert.deepEqual([(await edge.line(1)).st, (await edge.line(1)).ts, (await edge.line(2)).ts], [413, '----', '----']);
});
