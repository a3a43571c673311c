import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { askSocket } from './haproxy.js';
import { Load } from './load.js';
import { livingProcesses } from './processes.js';
import { startStage, type Stage } from './stage.js';
import { isUncut, openStreams } from './streams.js';
import { until, untilSeen } from './until.js';

let stage: Stage;

before(async () => {
  stage = await startStage();
});

after(async () => {
  await stage.stop();
  assert.deepEqual(livingProcesses(), [], 'nothing runs on');
});

/** Sends all users to green by hand, as a worker would. */
async function moveToGreen(ramp: string): Promise<void> {
  const { haproxy, service } = stage;
  const expiry = Math.floor((await haproxy.route()).at / 1_000) + 600;
  for (const command of [
    `add map ${haproxy.mapFile('leases')} ${ramp} ${String(expiry)}`,
    `add map ${haproxy.mapFile('routes')} ${service}/${ramp} green:10000:off:${ramp}.1`,
    `add map ${haproxy.mapFile('ramps')} ${service} ${ramp}`,
  ]) {
    assert.equal(await haproxy.command(command), '', command);
  }
}

test('load is routed, recorded and logged: the three agree', async () => {
  const before = stage.log.lines.length;
  const load = new Load({ url: stage.haproxy.url, requestsPerSecond: 400, atMost: { requests: 200, ms: 10_000 } });
  const records = await load.finished;
  assert.equal(records.length, 200);
  assert.ok(
    records.every(
      (record) => record.status === 200 && record.slot === 'blue' && record.revision === 'blue' && record.role === 'stable',
    ),
  );
  await until(() => stage.log.lines.length === before + 200, { withinMs: 5_000, what: '200 lines of the access log' });
  const line = stage.log.lines.at(-1);
  assert.ok(line !== undefined && Math.abs(line.at - Date.now()) < 10_000, 'the line says when it was routed');
  assert.deepEqual(
    [line.svc, line.slot, line.role, line.st, line.ts, line.ct],
    [stage.service, 'blue', 'stable', 200, '----', 'application/json'],
  );
  assert.deepEqual(stage.log.garbled, []);
  const { counts } = await stage.blue.report();
  assert.equal(counts.user.answered['200'], 200);
});

test('a pin with the token reaches green and is counted apart', async () => {
  const headers = (): Record<string, string> => ({ 'x-release': 'green', 'x-release-token': stage.token });
  const load = new Load({ url: stage.haproxy.url, requestsPerSecond: 100, atMost: { requests: 5, ms: 5_000 }, headers });
  assert.ok((await load.finished).every((record) => record.why === 'pin' && record.revision === 'green'));
  const { counts } = await stage.green.report();
  assert.deepEqual([counts.pinned.begun, counts.user.begun], [5, 0]);
});

test('streams end whole on their revision while the weight moves and HAProxy reloads', async () => {
  const streams = await openStreams({ url: stage.haproxy.url, seconds: 1 }, 5);
  await moveToGreen('stream~1');
  const load = new Load({ url: stage.haproxy.url, requestsPerSecond: 100, atMost: { requests: 20, ms: 5_000 } });
  assert.ok((await load.finished).every((record) => record.revision === 'green'));
  const { oldPid, newPid } = await stage.haproxy.reload();
  assert.notEqual(oldPid, newPid);
  assert.equal((await stage.haproxy.route()).stable, 'blue', 'a reload falls back to the files');
  const ended = await Promise.all(streams.map((stream) => stream.ended));
  assert.ok(
    ended.every((record) => isUncut(record) && record.revision === 'blue'),
    JSON.stringify(ended),
  );
  const { streams: counted } = await stage.blue.reportAtRest({ withinMs: 5_000 });
  assert.deepEqual(
    counted.map((stream) => stream.finished),
    [true, true, true, true, true],
  );
});

test('a stream whose client leaves is not finished, and its line says who left', async () => {
  const before = stage.log.lines.length;
  const [stream] = await openStreams({ url: stage.haproxy.url, seconds: 30 }, 1);
  stream?.leave();
  assert.equal((await stream?.ended)?.whole, false);
  await until(() => stage.log.lines.slice(before).some((line) => line.ts.startsWith('CD')), {
    withinMs: 5_000,
    what: 'a line with CD',
  });
  assert.equal((await stage.blue.reportAtRest({ withinMs: 5_000 })).streams.at(-1)?.finished, false);
});

test('errors can be put into a revision, exactly as many as asked', async () => {
  await stage.blue.behave({ errors: { kind: 'even', share: 0.1, status: 503 }, latencyMs: 5 });
  const load = new Load({ url: stage.haproxy.url, requestsPerSecond: 400, atMost: { requests: 100, ms: 10_000 } });
  const failed = (await load.finished).filter((record) => record.status === 503);
  await stage.blue.behave({ errors: { kind: 'none' }, latencyMs: 0 });
  assert.equal(failed.length, 10);
});

test('the service has metrics by release and revision, without pinned requests', async () => {
  const metrics = await (await fetch(`${stage.green.url}/metrics`)).text();
  assert.match(metrics, /http_pinned_requests_total\{code="200",release_id="app-green-release",revision="green"\} 5/);
  assert.match(metrics, /http_requests_total\{code="200",release_id="app-green-release",revision="green"\} 20/);
  const identity = (await (await fetch(`${stage.green.url}/.well-known/release`)).json()) as { revision: string; ready: boolean };
  assert.deepEqual([identity.revision, identity.ready], ['green', true]);
});

test('load ends by itself when its time is over, at the rate asked for', async () => {
  const load = new Load({ url: stage.haproxy.url, requestsPerSecond: 50, atMost: { requests: 10_000, ms: 500 } });
  const records = await load.finished;
  assert.ok(records.length >= 15 && records.length <= 26, `${String(records.length)} requests in half a second at 50 a second`);
});

test('what a worker says through the recorders reaches HAProxy, also one worker through the master', async () => {
  const { haproxy, admin, master } = stage;
  const { pid } = await haproxy.route();
  assert.equal(await askSocket(admin.path, `add map ${haproxy.mapFile('revoked')} told~1 1`), '');
  assert.equal(await askSocket(master.path, `@!${String(pid)} add map ${haproxy.mapFile('revoked')} told~2 1`), '');
  assert.match(await haproxy.command(`get map ${haproxy.mapFile('revoked')} told~1`), /found=yes/);
  assert.match(await haproxy.commandTo(pid, `get map ${haproxy.mapFile('revoked')} told~2`), /found=yes/);
  const [first, second] = [admin.commands().at(-1), master.commands().at(-1)];
  assert.deepEqual([first?.answer, first?.command.worker], ['', undefined]);
  assert.deepEqual([second?.answer, second?.command.worker, second?.heard], ['', `!${String(pid)}`, true]);
  assert.ok((first?.answerOrder ?? Infinity) < (second?.order ?? 0), 'the recorders share one order');
});

test('HAProxy and a slot can be killed and started again', async () => {
  const workers = stage.haproxy.workerPids();
  await stage.haproxy.kill();
  await assert.rejects(stage.haproxy.route());
  await stage.haproxy.start();
  assert.ok(!workers.includes((await stage.haproxy.route()).pid));
  await stage.green.kill();
  await stage.green.start();
  assert.equal((await stage.green.report()).counts.user.begun, 0, 'a new process begins to count at 0');
  const servers = await untilSeen(
    () => stage.haproxy.route(),
    (route) => JSON.stringify(route.raw['nbsrv']) === '{"blue":1,"green":1}',
    { withinMs: 10_000, what: 'both slots to be up again' },
  );
  assert.equal(servers.stable, 'blue');
});
