import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { Agent, request } from 'undici';
import { drain } from '../../../src/guard/service/drain.js';
import { expressService } from '../../../src/guard/service/node.js';
import { Service } from '../../../src/guard/service/service.js';
import { until } from '../../harness/until.js';
import { gate } from '../support.js';

interface Stage {
  readonly service: Service;
  readonly server: Server;
  readonly url: string;
  /** `/slow` answers after it. */
  readonly more: ReturnType<typeof gate<void>>;
}

async function start(): Promise<Stage> {
  const service = new Service({ name: 'orders', releaseId: 'v2', revision: 'green' });
  const middleware = expressService(service);
  const more = gate();
  const server = createServer((incoming, response) => {
    middleware(incoming, response, () => {
      if (incoming.url !== '/slow') {
        response.end('ok');
        return;
      }
      response.writeHead(200, { 'content-type': 'text/event-stream' }).write('data: one\n\n');
      void more.opened.then(() => response.end('event: end\ndata: \n\n'));
    });
  });
  server.keepAliveTimeout = 120_000;
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { service, server, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, more };
}

test('it says that it is not ready while it still takes requests, and tells who asks to come by another connection', async () => {
  const { service, server, url } = await start();
  const agent = new Agent();
  try {
    assert.equal((await request(`${url}/readyz`, { dispatcher: agent })).statusCode, 200);
    service.beginDrain();
    const { statusCode, headers } = await request(`${url}/`, { dispatcher: agent });
    assert.deepEqual([statusCode, headers['connection']], [200, 'close']);
    assert.equal((await request(`${url}/readyz`, { dispatcher: agent })).statusCode, 503);
    const identity = (await (await request(`${url}/.well-known/release`, { dispatcher: agent })).body.json()) as object;
    assert.equal((identity as { ready: boolean }).ready, false);
    assert.deepEqual(await drain(service, { server, settleMs: 0 }), { waitedFor: 0 });
  } finally {
    await agent.destroy();
  }
});

test('it goes on taking requests for as long as balancers need to look again', async () => {
  const service = new Service({ name: 'orders', releaseId: 'v2', revision: 'green' });
  let closedAfterMs: number | undefined;
  const begun = performance.now();
  const server = {
    close: (closed: () => void) => {
      closedAfterMs = performance.now() - begun;
      closed();
    },
    closeIdleConnections: () => undefined,
  };
  const drained = drain(service, { server: server as never, settleMs: 100 });
  assert.equal(service.isReady, false);
  await drained;
  assert.ok((closedAfterMs ?? 0) >= 99, String(closedAfterMs));
});

test('then it takes no connection more, and is drained when the last stream has ended whole, however idle connections linger', async () => {
  const { service, server, url, more } = await start();
  const agent = new Agent({ keepAliveTimeout: 120_000 });
  try {
    await (await request(`${url}/`, { dispatcher: agent })).body.text();
    const stream = await request(`${url}/slow`, { dispatcher: agent });
    let isDrained = false;
    const drained = drain(service, { server, settleMs: 0 }).finally(() => {
      isDrained = true;
    });
    const refused = (): Promise<boolean> =>
      request(`${url}/`, { dispatcher: new Agent() }).then(
        () => false,
        () => true,
      );
    await until(refused, { withinMs: 5_000, what: 'new connections to be refused' });
    assert.equal(isDrained, false);
    assert.equal(service.open, 1);
    more.open();
    assert.match(await stream.body.text(), /event: end/);
    await until(() => isDrained, { withinMs: 20_000, what: 'the end of the drain' });
    assert.deepEqual(await drained, { waitedFor: 1 });
  } finally {
    await agent.destroy();
  }
});

test('a job that runs is waited for, one that throws as well', async () => {
  const service = new Service({ name: 'orders', releaseId: 'v2', revision: 'green' });
  const done = gate();
  const jobs = [
    service.work(() => done.opened),
    service.work(async () => {
      await done.opened;
      throw new Error('failed');
    }),
  ].map((job) => job.catch(() => undefined));
  const order: string[] = [];
  const server = {
    close: (closed: () => void) => {
      order.push('closed');
      closed();
    },
    closeIdleConnections: () => undefined,
  };
  const drained = drain(service, { server: server as never, settleMs: 0 }).then(() => order.push('drained'));
  await until(() => order.length > 0, { withinMs: 5_000, what: 'the server to be closed' });
  await new Promise(setImmediate);
  order.push('jobs end');
  done.open();
  await Promise.all([drained, ...jobs]);
  assert.deepEqual(order, ['closed', 'jobs end', 'drained']);
});
