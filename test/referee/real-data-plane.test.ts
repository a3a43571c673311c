/** The referee on real records: HAProxy, services and load are real, only the controller is a puppet. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Load } from '../harness/load.js';
import { startStage, type Stage } from '../harness/stage.js';
import { isUncut, openStreams } from '../harness/streams.js';
import { until } from '../harness/until.js';
import { Puppet } from './fixtures/puppet.js';
import { gather } from './gather.js';
import type { Circumstances, Evidence } from './evidence.js';
import { assertUpheld, judge } from './referee.js';

const STEPS = [100, 2_500, 10_000];
let stage: Stage;
let load: Load;

before(async () => {
  stage = await startStage();
});

after(async () => {
  await load.stop();
  await stage.stop();
});

/** Users with ids of their own, all the time. */
function startLoad(): void {
  const headers = (n: number): Record<string, string> => ({ 'x-user-id': `user-${String(n)}` });
  load = new Load({ url: stage.haproxy.url, requestsPerSecond: 400, headers, atMost: { requests: 20_000, ms: 50_000 } });
}

/** Until so many more users have been served: only then has a state of the router been tested. */
async function served(count: number): Promise<void> {
  const wanted = load.records.length + count;
  await until(() => load.records.length >= wanted, { withinMs: 20_000, what: `${String(count)} more answers` });
}

const circumstances = (stableAtStart: string): Circumstances => ({ service: stage.service, stepsBp: STEPS, stableAtStart });

/** The end of the record since it had so many lines and commands: each test judges its own part. */
async function recordSince(lines: number, commands: number): Promise<Evidence> {
  const evidence = await gather(stage);
  return { ...evidence, lines: evidence.lines.slice(lines), commands: evidence.commands.slice(commands), services: {} };
}

test('a rollback, a promotion and a reload under load hold every rule', async () => {
  startLoad();
  const streams = await openStreams({ url: stage.haproxy.url, seconds: 3 }, 4);
  const first = new Puppet(stage, 'r7~00000001', 'green');
  await first.open();
  await first.shift(100, 2);
  await served(100);
  await first.shift(2_500, 3);
  await served(100);
  await first.revoke();
  await first.shift(0, 4);
  await served(100);
  const second = new Puppet(stage, 'r7~00000002', 'green');
  await second.open();
  for (const [index, bp] of STEPS.entries()) {
    await second.shift(bp, index + 2);
    await served(100);
  }
  const begunOnGreen = await openStreams({ url: stage.haproxy.url, seconds: 2 }, 2);
  await second.finalise(9);
  await served(100);
  const snapshot = await stage.haproxy.route();
  await stage.haproxy.reload();
  await served(100);
  const records = await load.stop();
  const ended = await Promise.all([...streams, ...begunOnGreen].map((stream) => stream.ended));
  assert.ok(ended.every(isUncut), JSON.stringify(ended));
  assert.ok(records.every((record) => record.status === 200));
  const evidence = await gather(stage, { snapshots: [snapshot] });
  assertUpheld(evidence, { ...circumstances('blue'), disturbances: [{ what: 'reload', from: snapshot.at }] });
});

test('a revocation that is taken back is found, by the users whom it lets through', async () => {
  const { lines, commands } = { lines: stage.log.lines.length, commands: stage.admin.commands().length };
  startLoad();
  const puppet = new Puppet(stage, 'r8~00000001', 'blue');
  await puppet.open();
  await puppet.shift(100, 2);
  await puppet.shift(2_500, 3);
  await served(50);
  await puppet.revoke();
  await puppet.takeRevocationBack();
  await served(200);
  await load.stop();
  const rules = judge(await recordSince(lines, commands), circumstances('green')).map((finding) => finding.rule);
  assert.deepEqual(rules, ['I2', 'I7']);
  await puppet.revoke();
});

test('a finalise without its file is found, by the users whom a reload brings back', async () => {
  const { lines, commands } = { lines: stage.log.lines.length, commands: stage.admin.commands().length };
  startLoad();
  const puppet = new Puppet(stage, 'r9~00000001', 'blue');
  await puppet.open();
  for (const [index, bp] of STEPS.entries()) await puppet.shift(bp, index + 2);
  await puppet.finaliseWithoutFile(9);
  await served(100);
  await stage.haproxy.reload();
  await served(100);
  await load.stop();
  const rules = judge(await recordSince(lines, commands), circumstances('green')).map((finding) => finding.rule);
  // One for the users, one for what the control endpoint says.
  assert.deepEqual(rules, ['I13', 'I13']);
});

test('a slot that dies under its users is found, unless the test says that it killed it', async () => {
  const { lines, commands } = { lines: stage.log.lines.length, commands: stage.admin.commands().length };
  startLoad();
  const [stream] = await openStreams({ url: stage.haproxy.url, seconds: 20 }, 1);
  await new Puppet(stage, 'r10~00000001', 'blue').open();
  const from = Date.now();
  await stage.green.kill();
  assert.equal((await stream?.ended)?.whole, false);
  await until(() => load.records.some((record) => record.status === 503), { withinMs: 5_000, what: 'a failed request' });
  await load.stop();
  await stage.green.start();
  const evidence = await recordSince(lines, commands);
  const rules = judge(evidence, circumstances('green')).map((finding) => finding.rule);
  assert.deepEqual(rules, ['R16', 'no-failed-request']);
  assertUpheld(evidence, { ...circumstances('green'), disturbances: [{ what: 'slot', slot: 'green', from }] });
});
