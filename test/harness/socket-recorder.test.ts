import assert from 'node:assert/strict';
import { connect, createServer, type Server } from 'node:net';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, beforeEach, test } from 'node:test';
import { askSocket } from './haproxy.js';
import { SocketRecorder, type Fault } from './socket-recorder.js';
import { until } from './until.js';

/** Stands in for HAProxy, which `haproxy.test.ts` has for real: it notes a line, answers it and closes. */
const folder = mkdtempSync(join(tmpdir(), 'rec-'));
const received: string[] = [];
let router: Server;
let recorder: SocketRecorder;

before(async () => {
  router = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.setEncoding('utf8').once('data', (text: string) => {
      received.push(text.trim());
      socket.end(text.startsWith('set') ? 'entry not found.\n\n' : '\n');
    });
  });
  await new Promise<void>((resolve) => router.listen(join(folder, 'admin.sock'), resolve));
  recorder = await SocketRecorder.open(join(folder, 'worker.sock'), join(folder, 'admin.sock'));
});

after(async () => {
  await recorder.close();
  router.close();
  rmSync(folder, { recursive: true });
});

beforeEach(() => {
  received.length = 0;
});

const injectOn = (verb: string, fault: Fault): (() => void) =>
  recorder.inject((command) => (command.kind === 'map-write' && command.verb === verb ? fault : undefined));

test('commands pass unchanged and are recorded with their answers and times', async () => {
  assert.equal(await askSocket(recorder.path, 'set map /r/routes.map k v'), 'entry not found.');
  assert.equal(await askSocket(recorder.path, 'add map /r/routes.map k v'), '');
  const [refused, accepted] = recorder.commands();
  assert.deepEqual([refused?.answer, refused?.heard], ['entry not found.', true]);
  assert.deepEqual([accepted?.command.text, accepted?.answer], ['add map /r/routes.map k v', '']);
  assert.ok(
    refused && accepted && (refused.answerOrder ?? Infinity) < accepted.order && refused.connection !== accepted.connection,
  );
  assert.ok((accepted.answeredAt ?? 0) >= accepted.at && accepted.forwardedAt !== undefined);
  assert.equal(
    recorder.bytes.map((bytes) => bytes.text).join(''),
    'set map /r/routes.map k v\nentry not found.\n\nadd map /r/routes.map k v\n\n',
  );
});

test('refuse: the connection breaks and HAProxy hears nothing', async () => {
  const remove = injectOn('add', { kind: 'refuse' });
  await assert.rejects(askSocket(recorder.path, 'add map /r/leases.map r 1', 500));
  remove();
  assert.deepEqual(received, []);
  assert.equal(recorder.commands().at(-1)?.forwardedAt, undefined);
});

test('never-answer: HAProxy acts and the worker does not learn it', async () => {
  const remove = injectOn('add', { kind: 'never-answer' });
  await assert.rejects(askSocket(recorder.path, 'add map /r/leases.map r 2', 200), /did not answer/);
  remove();
  assert.deepEqual(received, ['add map /r/leases.map r 2']);
  const last = recorder.commands().at(-1);
  assert.deepEqual([last?.answer, last?.heard], ['', false]);
});

test('answer-error: HAProxy acts and the worker hears an error', async () => {
  const remove = injectOn('add', { kind: 'answer-error', text: 'Permission denied.' });
  assert.equal(await askSocket(recorder.path, 'add map /r/leases.map r 3'), 'Permission denied.');
  remove();
  assert.deepEqual(received, ['add map /r/leases.map r 3']);
  assert.equal(recorder.commands().at(-1)?.answer, '');
});

test('delay: the command arrives late, even after the worker has given up', async () => {
  let release: () => void = () => undefined;
  const remove = injectOn('add', { kind: 'delay', until: new Promise<void>((resolve) => (release = resolve)) });
  await assert.rejects(askSocket(recorder.path, 'add map /r/leases.map r 4', 100));
  remove();
  assert.deepEqual(received, []);
  release();
  await until(() => received.length === 1, { withinMs: 2_000, what: 'the delayed command to arrive' });
  await until(() => recorder.commands().at(-1)?.answer === '', { withinMs: 2_000, what: 'its answer to be recorded' });
});

test('delay with unlessGone: a command of a worker that gave up is dropped', async () => {
  let release: () => void = () => undefined;
  const remove = injectOn('add', { kind: 'delay', unlessGone: true, until: new Promise<void>((resolve) => (release = resolve)) });
  const worker = connect(recorder.path, () => worker.write('add map /r/leases.map r 5\n'));
  await until(() => recorder.commands().at(-1)?.command.text.endsWith('r 5'), { withinMs: 2_000, what: 'the command to arrive' });
  remove();
  worker.destroy();
  // A second connection's answer comes after the end of the first has been seen: both go through one event loop.
  assert.equal(await askSocket(recorder.path, 'add map /r/leases.map r 6'), '');
  release();
  assert.equal(await askSocket(recorder.path, 'add map /r/leases.map r 7'), '');
  assert.deepEqual(received, ['add map /r/leases.map r 6', 'add map /r/leases.map r 7']);
});

test('a router that is not there looks the same as without the recorder', async () => {
  const lost = await SocketRecorder.open(join(folder, 'lost.sock'), join(folder, 'nobody.sock'));
  await assert.rejects(askSocket(lost.path, 'show info', 1_000));
  await lost.close();
});
