/** The control endpoint: whole-state operations on exactly the state that was read, and what a restart returns to. */
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { test } from 'node:test';
import { startEdge } from '../../../src/dataplane/edge/edge.js';
import { RAMP, ask, route, startTestEdge, tell, TOKEN, type TestEdge } from './support.js';

const edgeTest = (title: string, play: (edge: TestEdge) => Promise<void>): void => {
  void test(title, { timeout: 60_000 }, async () => {
    const edge = await startTestEdge();
    try {
      await play(edge);
    } finally {
      await edge.stop();
    }
  });
};

const slotOf = async (edge: TestEdge, user = 'u'): Promise<string> => (await edge.get({ 'x-user-id': user })).body;

edgeTest('without the token nothing is answered or done', async (edge) => {
  for (const authorization of [undefined, 'Bearer wrong-token-wrong-token', TOKEN, `Basic ${TOKEN}`]) {
    const url = edge.edge.addresses.control.url;
    const headers = authorization === undefined ? {} : { authorization };
    assert.equal((await ask(`${url}/route?svc=app`, { headers })).status, 401);
    assert.equal(
      (await ask(`${url}/revoke`, { method: 'POST', headers, body: JSON.stringify({ service: 'app', ramp: RAMP.id }) })).status,
      401,
    );
  }
  assert.equal((await edge.control('GET', `/route?svc=app&ramp=${RAMP.id}`)).body['revoked'], 'no');
});

edgeTest('the read-back has the keys and spellings of HAProxy’s control endpoint', async (edge) => {
  await tell(edge, 2_500, 4);
  const { nowMs, leaseExpiry, ...rest } = (await edge.control('GET', `/route?svc=app&ramp=${RAMP.id}`)).body;
  const expiry = Number(leaseExpiry) * 1_000;
  assert.ok(expiry >= Number(nowMs) + 59_000 && expiry <= Number(nowMs) + 61_000);
  assert.deepEqual(rest, {
    pid: process.pid,
    service: 'app',
    stable: 'blue',
    key: `app/${RAMP.id}`,
    ramp: RAMP.id,
    epoch: 1,
    owner: RAMP.owner,
    route: `green:2500:on:${RAMP.id}.4`,
    sequence: 4,
    revoked: 'no',
    releases: { blue: 'release-1', green: 'release-2' },
    nbsrv: { blue: 1, green: 1 },
    sessions: { blue: 0, green: 0 },
    asked: { ramp: RAMP.id, info: `1:${RAMP.owner}`, leaseExpiry, revoked: 'no' },
  });
});

edgeTest(
  'a write is carried out on the state that was read, or not at all: late and repeated ones change nothing (I7)',
  async (edge) => {
    const old = await edge.control('GET', '/route?svc=app');
    const leaseUntil = Number(old.body['nowMs']) + 60_000;
    assert.equal((await edge.control('POST', '/apply', { ...route(10_000, 1), leaseUntil })).status, 428);
    assert.equal((await tell(edge, 500, 2)).status, 200);
    const late = { ...route(10_000, 1), leaseUntil };
    for (const tag of [old.etag, '"made-up"', '*'])
      assert.equal((await edge.control('POST', '/apply', late, { 'if-match': tag })).status, 412);
    assert.equal((await edge.control('POST', '/finalise', route(10_000, 3), { 'if-match': old.etag })).status, 412);
    assert.equal((await edge.control('GET', '/route?svc=app')).body['route'], `green:500:on:${RAMP.id}.2`);
  },
);

edgeTest('of two writers that decided on the same state one wins, and the other is told', async (edge) => {
  const { etag, body } = await edge.control('GET', '/route?svc=app');
  const leaseUntil = Number(body['nowMs']) + 60_000;
  const writes = [1, 2, 3, 4].map((epoch) =>
    edge.control(
      'POST',
      '/apply',
      { ...route(100, 1), ramp: { id: `r~${String(epoch)}`, epoch, owner: 'o' }, leaseUntil },
      { 'if-match': etag },
    ),
  );
  assert.deepEqual((await Promise.all(writes)).map(({ status }) => status).sort(), [200, 412, 412, 412]);
});

edgeTest(
  'a write or renewal that was under way when the ramp was revoked changes nothing, and neither revives a lapsed lease',
  async (edge) => {
    await tell(edge, 10_000, 1);
    assert.equal(await slotOf(edge), 'green');
    const { etag, body } = await edge.control('GET', '/route?svc=app');
    const leaseUntil = Number(body['nowMs']) + 60_000;
    await edge.control('POST', '/revoke', { service: 'app', ramp: RAMP.id });
    assert.equal(await slotOf(edge), 'blue');
    assert.equal((await edge.control('POST', '/apply', { ...route(10_000, 2), leaseUntil }, { 'if-match': etag })).status, 412);
    assert.deepEqual((await edge.control('POST', '/renew', { service: 'app', ramp: RAMP.id, leaseUntil })).body, {
      renewal: 'revoked',
    });
    assert.equal(await slotOf(edge), 'blue');

    const next = { ramp: { ...RAMP, id: 'release-2~2', epoch: 2 } };
    await tell(edge, 10_000, 1, next);
    const before = await edge.control('GET', '/route?svc=app');
    edge.pass(61_000);
    assert.equal(await slotOf(edge), 'blue');
    const renewal = { service: 'app', ramp: 'release-2~2', leaseUntil: Number(before.body['nowMs']) + 120_000 };
    assert.deepEqual((await edge.control('POST', '/renew', renewal)).body, { renewal: 'lapsed' });
    // The end of a lease is a change of the state: what was decided while it was live is not carried out.
    assert.equal(
      (
        await edge.control(
          'POST',
          '/apply',
          { ...route(10_000, 2), ...next, leaseUntil: renewal.leaseUntil },
          { 'if-match': before.etag },
        )
      ).status,
      412,
    );
    assert.equal(await slotOf(edge), 'blue');
  },
);

edgeTest('a renewal prolongs to the time that it names, and one that was long under way prolongs nothing (I14)', async (edge) => {
  await tell(edge, 10_000, 1);
  const { body } = await edge.control('GET', '/route?svc=app');
  const expiry = async (): Promise<number> => Number((await edge.control('GET', '/route?svc=app')).body['leaseExpiry']);
  const before = await expiry();
  edge.pass(50_000);
  const late = { service: 'app', ramp: RAMP.id, leaseUntil: Number(body['nowMs']) + 30_000 };
  assert.deepEqual((await edge.control('POST', '/renew', late)).body, { renewal: 'renewed' });
  assert.equal(await expiry(), before);
  await edge.control('POST', '/renew', { ...late, leaseUntil: Number(body['nowMs']) + 110_000 });
  assert.equal(await expiry(), Math.ceil((Number(body['nowMs']) + 110_000) / 1_000));
});

edgeTest('what is no whole route, or too much, is refused with what was expected', async (edge) => {
  const { etag } = await edge.control('GET', '/route?svc=app');
  const good = route(100, 1);
  for (const bad of [
    { ...good, candidateBp: 10_001 },
    { ...good, candidateBp: 0.5 },
    { ...good, sequence: 0 },
    { ...good, ramp: { ...RAMP, id: 'a.b~1' } },
    { ...good, ramp: { ...RAMP, owner: 'two words' } },
    { ...good, candidate: good['stable'] },
    { ...good, sticky: undefined },
    { ...good, more: true },
  ]) {
    assert.equal((await edge.control('POST', '/apply', bad, { 'if-match': etag })).status, 422, JSON.stringify(bad));
  }
  assert.equal((await edge.control('POST', '/apply', { ...good, service: 'x' }, { 'if-match': etag })).status, 404);
  assert.equal((await edge.control('POST', '/apply', { text: 'x'.repeat(70_000) }, { 'if-match': etag })).status, 413);
  assert.equal((await edge.control('GET', '/route?svc=other')).status, 404);
  assert.equal((await edge.control('POST', '/route?svc=app', {})).status, 404);
  assert.equal((await edge.control('GET', '/route?svc=app')).etag, etag);
});

edgeTest('a restart returns to stable, never to a weight, and knows ramps, revocations and releases', async (edge) => {
  await tell(edge, 10_000, 1);
  await edge.control('POST', '/revoke', { service: 'app', ramp: 'elsewhere~1' });
  const old = await edge.control('GET', '/route?svc=app');
  await edge.restart();
  assert.equal(await slotOf(edge), 'blue');
  const { body } = await edge.control('GET', '/route?svc=app&ramp=elsewhere~1');
  const { ramp, epoch, owner, route: stored, leaseExpiry, releases } = body;
  assert.deepEqual([ramp, epoch, owner, stored, leaseExpiry], [RAMP.id, 1, RAMP.owner, '-:0:off:none.0', '0']);
  assert.deepEqual(releases, { blue: 'release-1', green: 'release-2' });
  assert.equal((body['asked'] as { revoked: string }).revoked, '1');
  // What was decided before the restart is not carried out after it, although just as much has happened since.
  await tell(edge, 0, 1, { ramp: { ...RAMP, id: 'release-2~2', epoch: 2 } });
  await edge.control('POST', '/revoke', { service: 'app', ramp: 'elsewhere~2' });
  const late = { ...route(10_000, 2), leaseUntil: Number(body['nowMs']) + 60_000 };
  assert.equal((await edge.control('POST', '/apply', late, { 'if-match': old.etag })).status, 412);
});

edgeTest('after a promotion and a restart everybody is on the new revision (I13, A25)', async (edge) => {
  await tell(edge, 10_000, 1);
  const { etag } = await edge.control('GET', '/route?svc=app');
  assert.equal((await edge.control('POST', '/finalise', route(10_000, 2), { 'if-match': etag })).status, 200);
  for (let time = 0; time < 2; time++) {
    assert.equal(await slotOf(edge), 'green');
    const { stable, revoked } = (await edge.control('GET', '/route?svc=app')).body;
    assert.deepEqual([stable, revoked], ['green', 'finalised.2']);
    await edge.restart();
  }
  assert.deepEqual(readdirSync(dirname(edge.options.stateFile)), ['edge.json']);
});

edgeTest(
  'where the disk fails, a claim and a promotion do not take effect, a revocation does and is written later',
  async (edge) => {
    const folder = dirname(edge.options.stateFile);
    const failing = async (act: () => Promise<void>): Promise<void> => {
      renameSync(folder, `${folder}.away`);
      await act();
      rmSync(folder, { recursive: true, force: true });
      renameSync(`${folder}.away`, folder);
    };
    await failing(async () => {
      assert.equal((await tell(edge, 10_000, 1)).status, 500);
      assert.equal(await slotOf(edge), 'blue');
    });
    await tell(edge, 10_000, 1);
    await failing(async () => {
      const { etag } = await edge.control('GET', '/route?svc=app');
      assert.equal((await edge.control('POST', '/finalise', route(10_000, 2), { 'if-match': etag })).status, 500);
      assert.equal((await edge.control('GET', '/route?svc=app')).body['stable'], 'blue');
      assert.equal((await edge.control('POST', '/revoke', { service: 'app', ramp: RAMP.id })).status, 500);
      assert.equal(await slotOf(edge), 'blue');
    });
    assert.equal((await edge.control('POST', '/revoke', { service: 'app', ramp: RAMP.id })).status, 200);
    await edge.restart();
    assert.equal((await edge.control('GET', `/route?svc=app&ramp=${RAMP.id}`)).body['revoked'], '1');
  },
);

edgeTest(
  'a state file that cannot be understood keeps the edge from starting, and services that others serve stay in it',
  async (edge) => {
    await tell(edge, 100, 1);
    const { stateFile } = edge.options;
    const stored = JSON.parse(readFileSync(stateFile, 'utf8')) as { services: Record<string, unknown> };
    const kept = { stable: 'green', releases: {}, claims: {}, revoked: { 'x~1': '1' } };
    writeFileSync(stateFile, JSON.stringify({ ...stored, services: { ...stored.services, kept } }));
    await edge.restart();
    await edge.control('POST', '/revoke', { service: 'app', ramp: RAMP.id });
    assert.deepEqual((JSON.parse(readFileSync(stateFile, 'utf8')) as typeof stored).services['kept'], kept);
    mkdirSync(`${dirname(stateFile)}/broken`);
    for (const text of ['', '{"sluiceEdge":1', '{}', '{"sluiceEdge":1,"services":{"app":{"stable":"red"}}}']) {
      const broken = `${dirname(stateFile)}/broken/edge.json`;
      writeFileSync(broken, text);
      await assert.rejects(
        startEdge({ ...edge.options, stateFile: broken, port: 0, controlPort: 0 }),
        /is no state of the embedded edge/,
      );
    }
  },
);

edgeTest('a port that is taken, a short token or a missing service is an error that leaves nothing open', async (edge) => {
  const { options } = edge;
  await assert.rejects(startEdge({ ...options, controlPort: edge.edge.addresses.public.port }), { code: 'EADDRINUSE' });
  await assert.rejects(startEdge({ ...options, token: 'short' }), /at least 16/);
  await assert.rejects(startEdge({ ...options, services: {} }), /no service/);
  await assert.rejects(startEdge({ ...options, services: { 'a b': options.services['app']! } }), /service name "a b"/);
});
