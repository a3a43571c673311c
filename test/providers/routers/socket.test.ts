import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { Deadline } from '../../../src/providers/routers/slots/deadline.js';
import { RuntimeMaps } from '../../../src/providers/routers/haproxy/runtime-maps.js';
import { ask } from '../../../src/providers/routers/haproxy/socket.js';

const folder = mkdtempSync(join(tmpdir(), 'sluice-sock-'));
const servers: Server[] = [];
let number = 0;

after(() => {
  for (const server of servers) server.close();
  rmSync(folder, { recursive: true, force: true });
});

/** A Unix socket that does with each connection what the test says. */
async function listening(handle: (socket: Socket, command: Promise<string>) => void): Promise<string> {
  const path = join(folder, `${String(++number)}.sock`);
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    let text = '';
    socket.on('error', () => undefined);
    handle(
      socket,
      new Promise((resolve) => {
        socket.on('data', (piece: Buffer) => (text += piece.toString()));
        socket.on('end', () => {
          resolve(text);
        });
      }),
    );
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(path, resolve));
  return path;
}

const answering = (answer: string): Promise<string> =>
  listening((socket, command) => {
    void command.then(() => socket.end(answer));
  });

const soon = (ms = 5_000): Deadline => new Deadline(ms, 'the test');
const maps = (path: string): RuntimeMaps => new RuntimeMaps((command, deadline) => ask(path, command, deadline), '/run/x');

void test('a command is one line, half-closed after it, and the answer is its text', async () => {
  const heard: string[] = [];
  const path = await listening((socket, command) => {
    void command.then((text) => {
      heard.push(text);
      socket.end('hello\n\n');
    });
  });
  assert.equal(await ask(path, 'show info', soon()), 'hello');
  assert.deepEqual(heard, ['show info\n']);
});

void test('a socket that stays silent is a transient error within the deadline, and the connection is destroyed', async () => {
  let isGone: (gone: true) => void;
  const gone = new Promise<true>((resolve) => (isGone = resolve));
  const path = await listening((socket) =>
    socket
      .once('close', () => {
        isGone(true);
      })
      .once('end', () => setTimeout(() => socket.write('late'), 250)),
  );
  const begun = performance.now();
  await assert.rejects(ask(path, 'show info', soon(200)), {
    name: 'ProviderError',
    kind: 'transient',
    message: /200 ms.*unknown/,
  });
  const elapsed = performance.now() - begun;
  assert.ok(elapsed >= 190 && elapsed < 2_000, `${String(elapsed)} ms`);
  assert.equal(await gone, true);
});

void test('nothing is sent when the deadline has passed by the time the connection stands', async () => {
  const heard: string[] = [];
  let isOver: (over: true) => void;
  const over = new Promise<true>((resolve) => (isOver = resolve));
  const path = await listening((_, command) => {
    void command.then((text) => {
      heard.push(text);
      isOver(true);
    });
  });
  // As in a process that was stopped meanwhile: its timers come after the connection.
  const deadline = soon();
  let looks = 0;
  deadline.leftMs = (): number => (looks++ === 0 ? 5_000 : -1);
  await assert.rejects(ask(path, 'set map x y z', deadline), { kind: 'transient' });
  await over;
  assert.deepEqual(heard, ['']);
});

void test('a connection that closes without a line is an unknown outcome and no success', async () => {
  await assert.rejects(ask(await answering(''), 'set map x y z', soon()), { kind: 'transient', message: /without an answer/ });
});

void test('a socket that does not exist, or that nobody listens on, is transient: HAProxy may be starting', async () => {
  await assert.rejects(ask(join(folder, 'nowhere.sock'), 'show info', soon()), {
    kind: 'transient',
    message: /is HAProxy running/,
  });
});

void test('a second command cannot be smuggled in', async () => {
  const path = await answering('\n');
  for (const command of ['show info; clear map x', 'show info\nclear map x'])
    assert.throws(() => ask(path, command, soon()), { kind: 'permanent' });
  for (const value of ['a b', 'a;b', 'a\nb', '<<', ''])
    await assert.rejects(maps(path).put('routes', 'key', value, soon()), { kind: 'permanent' });
});

void test('changing a key tells found from not found', async () => {
  assert.equal(await maps(await answering('\n')).change('leases', 'r~1', '1', soon()), 'changed');
  assert.equal(await maps(await answering('entry not found.\n\n')).change('leases', 'r~1', '1', soon()), 'not-found');
});

void test("an answer that is an error says HAProxy's words, and whether trying again can help", async () => {
  const wrong = maps(await answering('Unknown map identifier. Please use #<id> or <file>.\n\n'));
  await assert.rejects(wrong.change('leases', 'r~1', '1', soon()), {
    kind: 'permanent',
    message: /Unknown map identifier.*directory must be the RUN/s,
  });
  const denied = maps(await answering('Permission denied\n\n'));
  await assert.rejects(denied.change('leases', 'r~1', '1', soon()), { kind: 'permanent', message: /level admin/ });
  const other = maps(await answering('Out of memory.\n\n'));
  await assert.rejects(other.change('leases', 'r~1', '1', soon()), { kind: 'transient', message: /Out of memory/ });
});

void test('a value is read from what HAProxy prints, and a missing one is undefined', async () => {
  const found = maps(
    await answering('type=str, case=sensitive, found=yes, idx=tree, key="r~1", value="finalised.7", type="str"\n\n'),
  );
  assert.equal(await found.get('revoked', 'r~1', soon()), 'finalised.7');
  assert.equal(await maps(await answering('type=str, case=sensitive, found=no\n\n')).get('revoked', 'r~1', soon()), undefined);
});
