import assert from 'node:assert/strict';
import { createServer, type AddressInfo, type Server } from 'node:net';
import { test } from 'node:test';
import { freePorts } from '../../src/worker/free-ports.js';

const listening = (port: number): Promise<Server> =>
  new Promise((resolve, reject) => {
    const server: Server = createServer().once('error', reject);
    server.listen(port, '127.0.0.1', () => {
      resolve(server);
    });
  });
const closed = (server: Server): Promise<unknown> => new Promise((resolve) => server.close(resolve));

// Four in ten ports are dealt anew here, so of 200 that were only asked for and closed, some 80 would be.
const ASKED = 12_000;

test('a port that was chosen for a server is dealt to nobody else before that server listens, and the server gets it', async () => {
  const ports = await freePorts(200);
  assert.equal(new Set(ports).size, 200);
  const dealt = new Set<number>();
  for (let asked = 0; asked < ASKED; asked++) {
    const server = await listening(0);
    dealt.add((server.address() as AddressInfo).port);
    await closed(server);
  }
  assert.deepEqual(
    ports.filter((port) => dealt.has(port)),
    [],
  );
  for (const port of ports) await closed(await listening(port));
});
