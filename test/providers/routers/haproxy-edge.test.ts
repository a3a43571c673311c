/** What HAProxy itself does with users' requests by the product's configuration: pins, log, echo, odd values, dead slots. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import { connect, type AddressInfo } from 'node:net';
import { after, before, test } from 'node:test';
import type { AccessLine } from '../../harness/access-log.js';
import { openStreams } from '../../harness/streams.js';
import { until } from '../../harness/until.js';
import { HaproxyStage, LEASE_MS, Slots, TEMPLATE, TOKEN, blue, green, target, write, type Answer } from './support.js';

let slots: Slots;

before(async () => {
  slots = await Slots.start();
});
after(async () => {
  await slots.stop();
});

function stageTest(title: string, play: (stage: HaproxyStage) => Promise<void>): void {
  void test(title, async () => {
    const stage = await HaproxyStage.start(slots);
    try {
      await play(stage);
    } finally {
      await stage.stop();
    }
  });
}

const pin = (stage: HaproxyStage, headers: Record<string, string>, token = TOKEN): Promise<Answer> =>
  stage.get({ ...headers, ...(token === '' ? {} : { 'x-release-token': token }) });

stageTest('every spelling of a pin reaches its revision, with the token (A15, R14)', async (stage) => {
  await stage.router.apply(target, write('pins', 1, 0), LEASE_MS);
  for (const [name, value, slot] of [
    ['x-release', 'canary', 'green'],
    ['x-release', 'new', 'green'],
    ['x-release', 'Canary', 'green'],
    ['x-release', 'green', 'green'],
    ['x-release', 'stable', 'blue'],
    ['x-release', 'blue', 'blue'],
    ['x-canary', 'true', 'green'],
  ] as const) {
    const answer = await pin(stage, { [name]: value });
    assert.deepEqual([answer.status, answer.revision, answer.slot, answer.why], [200, slot, slot, 'pin'], `${name}: ${value}`);
  }
});

stageTest('a pin without leave is ignored, and an unknown one with leave is refused, never sent elsewhere', async (stage) => {
  for (const token of ['', 'wrong', `${TOKEN}x`, TOKEN.slice(0, -1)]) {
    const answer = await pin(stage, { 'x-release': 'green', 'x-canary': 'true' }, token);
    assert.deepEqual([answer.status, answer.revision], [200, 'blue'], `token "${token}"`);
  }
  for (const headers of [{ 'x-release': 'purple' }, { 'x-release': '' }, { 'x-canary': 'always' }, { 'x-release': 'canary' }]) {
    const answer = await pin(stage, headers);
    assert.deepEqual(
      [answer.status, answer.headers['content-type'], answer.revision],
      [421, 'application/problem+json', undefined],
    );
  }
});

stageTest('a garbled route, lease or fence sends everybody to stable', async (stage) => {
  await stage.router.apply(target, write('garbled', 1, 10_000), LEASE_MS);
  const { haproxy } = stage;
  const key = 'app/garbled~1';
  const good = 'green:10000:off:garbled~1.1';
  const set = (map: string, mapKey: string, value: string): Promise<string> =>
    haproxy.command(`set map ${haproxy.mapFile(map)} ${mapKey} ${value}`);
  const isOn = async (revision: string, what: string): Promise<void> => {
    assert.deepEqual([...new Set(await stage.ask(['a', 'b', 'c', 'd']))], [revision], what);
  };
  for (const value of [
    'purple:10000:off:garbled~1.1',
    ':10000:off:garbled~1.1',
    'blue:10000:off:garbled~1.1',
    'green:10x:off:garbled~1.1',
    'green::off:garbled~1.1',
    'green:99999:off:garbled~1.1',
    'green:-5:off:garbled~1.1',
    'green',
    'green:10000:off:',
    'green:10000:off:other~1.1',
    '::::::',
    'x"y',
  ]) {
    await set('routes', key, value);
    await isOn('blue', value);
    assert.equal((await stage.router.read(target)).effectiveBp, 0, value);
  }
  await set('routes', key, good);
  await isOn('green', good);
  const lease = (await haproxy.route()).leaseExpiry;
  for (const value of [String(Date.now()), '1', 'soon', 'never', '-1', `${lease}x`]) {
    await set('leases', 'garbled~1', value);
    await isOn('blue', `lease ${value}`);
    assert.notEqual((await stage.router.read(target)).lease, 'live', value);
  }
  await set('leases', 'garbled~1', lease);
  await isOn('green', `lease ${lease}`);
  await set('ramps', 'app', 'nobody~1');
  await isOn('blue', 'fence');
});

stageTest(
  'each finished response is one line of JSON that says who answered, for which ramp and release, and why',
  async (stage) => {
    await stage.router.apply(target, write('logged', 1, 10_000), LEASE_MS);
    await stage.get({ 'x-user-id': 'somebody' });
    await pin(stage, { 'x-release': 'blue' });
    await pin(stage, { 'x-release': 'purple' });
    await new Promise<void>((resolve) => {
      const socket = connect(stage.haproxy.port, '127.0.0.1', () => socket.write('NO "SUCH\r\n\r\n'));
      socket
        .on('data', () => undefined)
        .once('close', () => {
          resolve();
        });
    });
    await until(() => stage.log.lines.length >= 4, { withinMs: 5_000, what: 'four lines' });
    // HAProxy's threads log each for itself: lines of different connections come in any order.
    const lineThat = (is: (line: AccessLine) => boolean): AccessLine | undefined => stage.log.lines.find(is);
    const user = lineThat(({ why }) => why === 'bucket');
    const pinned = lineThat(({ why, st }) => why === 'pin' && st === 200);
    const refused = lineThat(({ st }) => st === 421);
    const broken = lineThat(({ st }) => st === 400);
    assert.equal(stage.log.lines.length, 4);
    assert.ok(user !== undefined && Math.abs(user.at - Date.now()) < 60_000);
    assert.deepEqual(
      [user.svc, user.slot, user.role, user.why, user.gen, user.lease, user.release, user.st, user.ts, user.ct],
      ['app', 'green', 'candidate', 'bucket', 'logged~1.1', 'live', 'release-2', 200, '----', 'application/json'],
    );
    assert.deepEqual([pinned?.slot, pinned?.why, pinned?.release], ['blue', 'pin', 'release-1']);
    assert.deepEqual([refused?.why, refused?.ct], ['pin', 'application/problem+json']);
    assert.deepEqual([broken?.svc, broken?.why], ['-', '-']);
    assert.deepEqual(stage.log.garbled, []);
  },
);

stageTest('echoes and read-backs are no traffic: no line, no slot, and no cookie', async (stage) => {
  const receipt = await stage.router.apply(target, write('echoed', 1, 10_000), LEASE_MS);
  const before = (await slots.green.report()).counts.user.begun;
  assert.equal(await stage.router.confirm(target, receipt), 'converged');
  const echo = await stage.get({}, '/.well-known/sluice-route?svc=app');
  assert.deepEqual([echo.status, echo.gen, echo.headers['set-cookie']], [200, 'echoed~1.1', undefined]);
  assert.deepEqual(JSON.parse(echo.body), {
    gen: 'echoed~1.1',
    slot: 'green',
    role: 'candidate',
    why: 'bucket',
    lease: 'live',
    pid: (await stage.haproxy.route()).pid,
  });
  await stage.get();
  await until(() => stage.log.lines.length > 0, { withinMs: 5_000, what: 'the line of the one request' });
  assert.deepEqual([stage.log.lines.length, (await slots.green.report()).counts.user.begun - before], [1, 1]);
});

stageTest('an echo of another generation keeps a write from being converged', async (stage) => {
  const receipt = await stage.router.apply(target, write('echoed', 1, 10_000), LEASE_MS);
  const server = createServer((_, response) =>
    response.end(JSON.stringify({ gen: 'older~1.7', role: 'candidate', lease: 'live' })),
  );
  const url = await listen(server);
  assert.equal(await stage.adapter({ publicUrl: url }).confirm(target, receipt), 'pending');
  await stage.router.revoke(target, write('echoed', 1, 0).ramp);
  assert.equal(await stage.adapter({ publicUrl: url }).confirm(target, { ...receipt, kind: 'revoked' }), 'converged');
  server.close();
  server.closeAllConnections();
});

void test('a content type cannot break the line', async () => {
  const server = createServer((_, response) => {
    response.setHeader('content-type', 'Text/HTML"},{"x":"\\;charset="utf-8"');
    response.end('hello');
  });
  const url = await listen(server);
  const stage = await HaproxyStage.start(slots, { environment: { APP_BLUE: new URL(url).port } });
  try {
    await stage.get();
    await until(() => stage.log.lines.length > 0, { withinMs: 5_000, what: 'a line' });
    assert.deepEqual([stage.log.lines[0]?.ct, stage.log.garbled], ['text/htmlx', []]);
  } finally {
    await stage.stop();
    server.close();
    server.closeAllConnections();
  }
});

stageTest('a client is told how long the router keeps its connection, and not how long the slot would', async (stage) => {
  const direct = await fetch(slots.blue.url);
  await direct.text();
  assert.equal(direct.headers.get('keep-alive'), 'timeout=120');
  assert.equal((await stage.get()).headers['keep-alive'], 'timeout=60');
  assert.match(readFileSync(TEMPLATE, 'utf8'), /^ {2}timeout client 60s$/m);
});

stageTest('a reconnecting stream stays on its slot inside its ramp, but 0 and 100 % are exact', async (stage) => {
  await stage.router.apply(target, write('relpin', 1, 1), LEASE_MS);
  const cookie = { cookie: 'relpin=relpin~1.green' };
  assert.deepEqual([(await stage.get(cookie)).slot, (await stage.get(cookie)).why], ['green', 'relpin']);
  assert.equal((await stage.get({ cookie: 'relpin=other~1.green', 'x-user-id': 'user-1' })).why, 'bucket');
  await stage.router.apply(target, write('relpin', 2, 10_000), LEASE_MS);
  assert.equal((await stage.get({ cookie: 'relpin=relpin~1.blue' })).slot, 'green');
  await stage.router.revoke(target, write('relpin', 1, 0).ramp);
  assert.equal((await stage.get(cookie)).slot, 'blue');
});

stageTest('a stream gets the cookie that brings it back, and a plain answer does not', async (stage) => {
  await stage.router.apply(target, write('cookies', 1, 10_000), LEASE_MS);
  const user = { 'x-user-id': 'somebody' };
  assert.equal((await stage.get(user)).headers['set-cookie'], undefined);
  assert.match(
    String((await stage.get(user, '/stream?s=0.1')).headers['set-cookie']),
    /^relpin=cookies~1\.green; Path=\/; Max-Age=600; HttpOnly; SameSite=Lax$/,
  );
});

stageTest('a user whom the candidate answered is known again, kept or sent away, and counted once (R18)', async (stage) => {
  const cookiesOf = (answer: { readonly headers: IncomingHttpHeaders }): readonly string[] =>
    [answer.headers['set-cookie'] ?? []].flat();
  const sticks = (): readonly string[] => stage.log.lines.map(({ stick }) => stick);
  const user = { 'x-user-id': 'somebody' };
  await stage.router.apply(target, write('stays', 1, 9_999), LEASE_MS);
  assert.deepEqual(cookiesOf(await stage.get(user)), ['relwas=stays~1.user; Path=/; Max-Age=600; HttpOnly; SameSite=Lax']);
  const back = { ...user, cookie: 'relwas=stays~1.user' };
  assert.deepEqual(cookiesOf(await stage.get(back)), [], 'marked already');
  assert.deepEqual(
    cookiesOf(await stage.get()).map((cookie) => cookie.split('=')[0]),
    ['uid'],
    'an id that is just given is no mark yet',
  );
  assert.deepEqual((await stage.get(back, '/.well-known/sluice-route?svc=app')).headers['set-cookie'], undefined);
  await stage.router.apply(target, write('stays', 2, 1), LEASE_MS);
  assert.deepEqual(cookiesOf(await stage.get(back)), ['relwas=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax']);
  await stage.get(user);
  await until(() => stage.log.lines.length >= 5, { withinMs: 5_000, what: 'five lines' });
  assert.deepEqual(sticks(), ['-', 'kept', '-', 'broken', '-']);
});

void test('a dead candidate gets no draw and no pin, and the router says so', async () => {
  const own = await Slots.start();
  const stage = await HaproxyStage.start(own);
  try {
    await stage.router.apply(target, write('dead', 1, 10_000), LEASE_MS);
    const [stream] = await openStreams({ url: stage.haproxy.url, seconds: 1 }, 1);
    await own.green.kill();
    assert.equal((await stream?.ended)?.whole, false, 'the stream on the dead slot is cut');
    await until(async () => (await stage.router.inflight(target, green)).liveServers === 0, {
      withinMs: 10_000,
      what: 'HAProxy to take the slot for dead',
    });
    const answers = await Promise.all(Array.from({ length: 20 }, () => stage.get()));
    assert.ok(answers.every(({ status, revision, why }) => status === 200 && revision === 'blue' && why === 'candidate-down'));
    for (const value of ['canary', 'green']) {
      const answer = await pin(stage, { 'x-release': value });
      assert.deepEqual([answer.status, answer.slot, answer.revision], [421, 'green', undefined]);
    }
    assert.equal((await stage.router.inflight(target, blue)).liveServers, 1);
    await own.green.start();
    await until(async () => (await stage.get()).revision === 'green', { withinMs: 10_000, what: 'the slot to come back' });
  } finally {
    await stage.stop();
    await own.stop();
  }
});

function listen(server: Server): Promise<string> {
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => {
      resolve(`http://127.0.0.1:${String((server.address() as AddressInfo).port)}`);
    });
  });
}
