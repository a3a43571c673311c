import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { connect, createServer as createSocketServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { httpBetween, socketBetween } from '../../../src/cli/drill/between.js';

const folder = mkdtempSync(join(tmpdir(), 'sluice-between-'));
const upstream = createServer((request, response) => {
  request.setEncoding('utf8');
  let body = '';
  request.on('data', (text: string) => (body += text));
  request.on('end', () => {
    response.writeHead(request.url === '/gone' ? 404 : 200, { 'x-seen': request.headers.authorization ?? '', date: 'long ago' });
    response.end(`${request.method ?? ''} ${request.url ?? ''} ${body}`);
  });
});
await new Promise<void>((resolve) => upstream.listen(0, '127.0.0.1', resolve));
const url = `http://127.0.0.1:${String((upstream.address() as AddressInfo).port)}/metrics?service=app`;
after(() => {
  upstream.close();
  rmSync(folder, { recursive: true });
});

test('a request passes with its method, path, headers and body, and so does the answer, altered where told', async () => {
  const between = await httpBetween(url, (page) => page.replace('GET', 'got'));
  try {
    const read = await fetch(between.address, { headers: { authorization: 'Bearer x' } });
    assert.equal(await read.text(), 'got /metrics?service=app ');
    assert.deepEqual([read.status, read.headers.get('x-seen'), read.headers.get('date')], [200, 'Bearer x', 'long ago']);
    const { origin } = new URL(between.address);
    assert.equal(await (await fetch(`${origin}/revoke`, { method: 'POST', body: 'now' })).text(), 'POST /revoke now');
    assert.equal((await fetch(`${origin}/gone`)).status, 404);
    assert.equal(between.passed(), 3);
  } finally {
    await between.close();
  }
});

test('told to fail it answers 503, told to hang it answers nobody, and nobody behind it is asked', async () => {
  const between = await httpBetween(url);
  try {
    between.behave('fail');
    assert.equal((await fetch(between.address)).status, 503);
    between.behave('hang');
    await assert.rejects(fetch(between.address, { signal: AbortSignal.timeout(200) }), { name: 'TimeoutError' });
    assert.equal(between.passed(), 0);
  } finally {
    await between.close();
  }
});

test('who is behind and gone is a connection that breaks, as without anybody between', async () => {
  const between = await httpBetween('http://127.0.0.1:9/metrics');
  try {
    await assert.rejects(fetch(between.address), /fetch failed/);
  } finally {
    await between.close();
  }
});

test('a command on a half-closed socket is answered; told to hang, nobody is', async () => {
  const path = join(folder, 'admin.sock');
  const server = createSocketServer({ allowHalfOpen: true }, (socket) => {
    let command = '';
    socket.on('data', (bytes) => (command += bytes.toString()));
    socket.on('end', () => socket.end(`did ${command}`));
  });
  await new Promise<void>((resolve) => server.listen(path, resolve));
  const between = await socketBetween(path, join(folder, 'between.sock'));
  const ask = (withinMs: number): Promise<string> =>
    new Promise((resolve) => {
      const socket = connect({ path: between.address, allowHalfOpen: true });
      let answer = '';
      socket.setTimeout(withinMs, () => socket.destroy());
      socket.on('data', (bytes) => (answer += bytes.toString()));
      socket.once('end', () => socket.destroy());
      socket.once('close', () => {
        resolve(answer);
      });
      socket.end('show map');
    });
  try {
    assert.equal(await ask(10_000), 'did show map');
    between.behave('hang');
    assert.equal(await ask(200), '');
  } finally {
    await between.close();
    server.close();
  }
});
