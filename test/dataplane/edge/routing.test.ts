/** What clients and slots see of the routing, on real requests. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { IncomingHttpHeaders } from 'node:http';
import { TRYING_OUT } from '../../../src/dataplane/edge/edge.js';
import { until } from '../../harness/until.js';
import { RAMP, ask, startTestEdge, tell, TOKEN, type TestEdge } from './support.js';

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

const pinned = (release: string): Record<string, string> => ({ 'x-release': release, 'x-release-token': TOKEN });

edgeTest('without a rollout everybody is on the stable slot, and the edge has said that it is for trying out', async (edge) => {
  const { status, headers, body } = await edge.get();
  assert.deepEqual([status, body], [200, 'blue']);
  assert.deepEqual(
    ['x-release-slot', 'x-release-role', 'x-route-why', 'x-route-gen', 'x-route-lease'].map((name) => headers[name]),
    ['blue', 'stable', 'no-lease', 'none.0', 'expired'],
  );
  assert.deepEqual(edge.said, [TRYING_OUT]);
});

edgeTest('the answer and the request to the slot say what was decided, and nobody else can say it', async (edge) => {
  await tell(edge, 10_000, 7);
  let seen: IncomingHttpHeaders = {};
  edge.green.handler = (request, response) => {
    seen = request.headers;
    response.writeHead(200, { 'x-route-why': 'made up', 'x-release-slot': 'blue' }).end('ok');
  };
  const { headers } = await edge.get({ 'x-user-id': 'u', 'x-route-gen': 'made-up.1', host: 'shop.example' });
  const expected = {
    'x-release-slot': 'green',
    'x-release-role': 'candidate',
    'x-route-why': 'bucket',
    'x-route-gen': `${RAMP.id}.7`,
    'x-route-lease': 'live',
  };
  for (const [name, value] of Object.entries(expected)) assert.deepEqual([name, headers[name], seen[name]], [name, value, value]);
  assert.equal(seen.host, 'shop.example');
});

edgeTest('an authorised pin reaches its revision at weight 0 and on a revoked ramp (R14, A15)', async (edge) => {
  await tell(edge, 0, 1);
  for (const [headers, slot] of [
    [pinned('canary'), 'green'],
    [pinned('NEW'), 'green'],
    [pinned('green'), 'green'],
    [pinned('stable'), 'blue'],
    [pinned('blue'), 'blue'],
    [{ 'x-canary': 'true', 'x-release-token': TOKEN }, 'green'],
    [{ 'x-canary': 'false', 'x-release-token': TOKEN }, 'blue'],
  ] as const) {
    assert.equal((await edge.get({ ...headers })).body, slot, JSON.stringify(headers));
  }
  await edge.control('POST', '/revoke', { service: 'app', ramp: RAMP.id });
  const { body, headers } = await edge.get(pinned('canary'));
  assert.deepEqual([body, headers['x-route-why'], headers['x-route-lease']], ['green', 'pin', 'revoked']);
});

edgeTest('pin headers of others vanish, and the token never goes to a slot (A15)', async (edge) => {
  await tell(edge, 0, 1);
  const seen: IncomingHttpHeaders[] = [];
  edge.blue.handler = edge.green.handler = (request, response) => {
    seen.push(request.headers);
    response.end('ok');
  };
  for (const token of [undefined, '', 'wrong-token-wrong-token', TOKEN.slice(0, -1)]) {
    const { headers } = await edge.get({
      'x-release': 'canary',
      'x-canary': 'true',
      ...(token === undefined ? {} : { 'x-release-token': token }),
    });
    assert.deepEqual([headers['x-release-slot'], headers['x-route-why']], ['blue', 'bucket']);
  }
  await edge.get(pinned('canary'));
  for (const headers of seen) assert.equal(headers['x-release-token'], undefined);
  assert.deepEqual(
    seen.map((headers) => [headers['x-release'], headers['x-canary']]).slice(0, 4),
    Array.from({ length: 4 }, () => [undefined, undefined]),
  );
  assert.equal(seen[4]?.['x-release'], 'canary');
});

edgeTest('an unknown pin, or one without a candidate, is 421 as problem+json and reaches nobody', async (edge) => {
  for (const headers of [pinned('canary'), pinned('red'), pinned(''), { 'x-canary': 'perhaps', 'x-release-token': TOKEN }]) {
    const answer = await edge.get(headers);
    assert.deepEqual([answer.status, answer.headers['content-type']], [421, 'application/problem+json'], JSON.stringify(headers));
    assert.equal((JSON.parse(answer.body) as { status: number }).status, 421);
  }
  assert.deepEqual([edge.blue.requests, edge.green.requests], [0, 0]);
  const line = await edge.line(1);
  assert.deepEqual([line.st, line.ts, line.why, line.slot, line.ct], [421, 'LR--', 'pin', '-', 'application/problem+json']);
});

edgeTest(
  'a candidate that refuses three connections gets no draw any more, its pin is an error, and it comes back by checks (I8)',
  async (edge) => {
    await tell(edge, 10_000, 1);
    assert.equal((await edge.get()).body, 'green');
    await edge.green.die();
    const failed = [await edge.get(), await edge.get(), await edge.get()];
    assert.deepEqual(
      failed.map(({ status, headers }) => [status, headers['x-release-slot']]),
      Array.from({ length: 3 }, () => [503, 'green']),
    );
    const { status, body, headers } = await edge.get();
    assert.deepEqual(
      [status, body, headers['x-route-why'], headers['x-release-role']],
      [200, 'blue', 'candidate-down', 'stable'],
    );
    assert.equal((await edge.get(pinned('canary'))).status, 421);
    const { nbsrv } = (await edge.control('GET', '/route?svc=app')).body;
    assert.deepEqual(nbsrv, { blue: 1, green: 0 });
    await edge.green.start();
    await until(async () => (await edge.get()).body === 'green', {
      withinMs: 10_000,
      what: 'the candidate to be back in the draw',
    });
    assert.deepEqual(
      edge.said.slice(1).map((text) => text.split(':')[0]),
      ['app/green is down', 'app/green is up'],
    );
  },
  // Slow enough that the failed connections come first, and the way back is still by checks.
  { checkEveryMs: 2_000 },
);

edgeTest(
  'a candidate that dies while nobody asks for it leaves the draw by the checks alone',
  async (edge) => {
    await tell(edge, 10_000, 1);
    await edge.green.die();
    await until(() => edge.said.some((text) => text.startsWith('app/green is down')), {
      withinMs: 10_000,
      what: 'the checks to notice',
    });
    assert.equal((await edge.get()).status, 200);
  },
  { checkEveryMs: 20 },
);

edgeTest('a user without an id gets a cookie with one, and stays where the first answer came from', async (edge) => {
  await tell(edge, 5_000, 1);
  for (let user = 0; user < 8; user++) {
    const first = await edge.get();
    const cookie = String(first.headers['set-cookie']);
    assert.match(cookie, /^uid=[0-9a-f-]{36}; Path=\/; Max-Age=31536000; HttpOnly; SameSite=Lax$/);
    const later = await edge.get({ cookie: `a=b; ${cookie.split(';')[0] ?? ''}` });
    assert.equal(later.body, first.body);
    // No other id; the candidate, green, leaves its mark (R18).
    const mark = /^relwas=[^;]+\.user; Path=\/; Max-Age=600; HttpOnly; SameSite=Lax$/;
    const left = later.headers['set-cookie'];
    if (later.body === 'green') assert.match(String(left), mark);
    else assert.equal(left, undefined);
  }
});

edgeTest(
  'a stream’s answer carries its ramp and slot, the reconnect comes back there, and another ramp ignores it (R17, A17)',
  async (edge) => {
    await tell(edge, 5_000, 1, { sticky: false });
    edge.blue.handler = (_, response) =>
      response
        .writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8', 'set-cookie': ['own=1', 'own=2'] })
        .end('blue');
    edge.green.handler = (_, response) => response.writeHead(200, { 'content-type': 'text/event-stream' }).end('green');
    const cookies = new Map<string, string>();
    for (let n = 0; n < 200 && cookies.size < 2; n++) {
      const { body, headers } = await edge.get();
      cookies.set(body, [headers['set-cookie'] ?? []].flat().at(-1) ?? '');
      if (body === 'blue') assert.deepEqual(headers['set-cookie']?.slice(0, 2), ['own=1', 'own=2']);
    }
    for (const slot of ['blue', 'green']) {
      const cookie = cookies.get(slot) ?? '';
      assert.match(cookie, new RegExp(`^relpin=${RAMP.id}\\.${slot}; `));
      for (let n = 0; n < 10; n++) {
        const again = await edge.get({ cookie: cookie.split(';')[0] ?? '' });
        assert.deepEqual(
          [again.body, again.headers['x-route-why'], again.headers['set-cookie']?.includes('relpin')],
          [slot, 'relpin', slot === 'blue' ? false : undefined],
        );
      }
    }
    await tell(edge, 1, 1, { ramp: { ...RAMP, id: 'release-2~9', epoch: 2 } });
    const { headers } = await edge.get({ cookie: `relpin=${RAMP.id}.green`, 'x-user-id': 'u' });
    assert.deepEqual([headers['x-route-why'], headers['x-release-slot']], ['bucket', 'blue']);
  },
);

edgeTest('the echo says where a request would go, by the edge itself and outside the log (A9)', async (edge) => {
  await tell(edge, 10_000, 3);
  const { status, body } = await edge.get({}, '/.well-known/sluice-route?svc=app');
  assert.equal(status, 200);
  const { pid, ...echo } = JSON.parse(body) as Record<string, unknown>;
  assert.deepEqual(echo, { gen: `${RAMP.id}.3`, slot: 'green', role: 'candidate', why: 'bucket', lease: 'live' });
  assert.equal(pid, process.pid);
  assert.equal((await edge.get(pinned('red'), '/.well-known/sluice-route')).status, 421);
  await edge.get();
  assert.equal((await edge.line(1)).svc, 'app');
  assert.deepEqual([edge.blue.requests, edge.green.requests, edge.lines.length], [0, 1, 1]);
});

void test('a list of services is served by host name, each with its own route, and unknown hosts go to the first', async () => {
  const one = await startTestEdge();
  const both = {
    app: { blue: one.blue.url, green: one.green.url },
    other: { blue: one.green.url, green: one.blue.url, hosts: ['other.example'], stable: 'green' as const },
  };
  const edge = await startTestEdge({ services: both });
  try {
    await tell(edge, 10_000, 1);
    const slotOf = async (host: string): Promise<string> => String((await edge.get({ host })).headers['x-release-slot']);
    assert.deepEqual(
      [await slotOf('app'), await slotOf('nowhere.example:80'), await slotOf('Other.example:8080')],
      ['green', 'green', 'green'],
    );
    assert.equal((await edge.line(3)).svc, 'other');
    const { body } = await edge.control('GET', '/route?svc=other');
    assert.deepEqual([body['stable'], body['ramp']], ['green', 'none']);
  } finally {
    await edge.stop();
    await one.stop();
  }
});

edgeTest('headers of one connection stay with it, and the answer of a slot comes through as it is', async (edge) => {
  let seen: IncomingHttpHeaders = {};
  edge.blue.handler = (request, response) => {
    seen = request.headers;
    response
      .writeHead(418, 'Teapot', { 'x-own': ['a', 'b'], connection: 'close, x-hop', 'x-hop': '1', 'content-type': 'text/plain' })
      .end('short and stout');
  };
  const url = `${edge.edge.addresses.public.url}/a%20path/?q=1&r=%C3%BC`;
  const answer = await ask(url, { headers: { te: 'trailers', 'x-kept': 'ä', 'accept-encoding': 'br' } });
  assert.deepEqual(
    [answer.status, answer.body, answer.headers['x-own'], answer.headers['x-hop']],
    [418, 'short and stout', ['a', 'b'], undefined],
  );
  assert.deepEqual([seen['te'], seen['accept-encoding']], [undefined, 'br']);
});
