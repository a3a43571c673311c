import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import { hasFailed, Load } from '../harness/load.js';
import { isUncut, openStreams } from '../harness/streams.js';
import { until } from '../harness/until.js';
import { Plant, SERVICE } from './plant.js';

let plant: Plant;
before(async () => {
  plant = await Plant.start();
});
after(async () => {
  await plant.stop();
});
afterEach(async () => {
  await plant.judge();
});

/** Users at a steady rate until the test ends them; the bound is for a test that fails. */
const users = (requestsPerSecond = 300): Load =>
  new Load({ url: plant.stage.haproxy.url, requestsPerSecond, concurrency: 16, atMost: { requests: 60_000, ms: 180_000 } });

/** Which slot serves, and which is free for a candidate: the tests stand on their own, in any order. */
async function slots(): Promise<{ readonly stable: 'blue' | 'green'; readonly candidate: 'blue' | 'green' }> {
  const { stable } = await plant.stage.haproxy.route();
  return stable === 'green' ? { stable: 'green', candidate: 'blue' } : { stable: 'blue', candidate: 'green' };
}

const phase = async (): Promise<string> => {
  const { stdout } = await plant.sluice(['status', SERVICE, '--env', 'test', '-o', 'json']);
  return stdout;
};

test('a healthy release climbs every step through HAProxy and is promoted; no request fails, no stream is cut', async () => {
  const { candidate } = await slots();
  const load = users();
  const streams = await openStreams({ url: plant.stage.haproxy.url, seconds: 45 }, 5);
  const ended = await plant.sluice(['start', plant.rolloutFile(candidate), '--watch']);
  assert.equal(ended.code, 0, ended.stdout + ended.stderr);
  await until(() => load.records.length >= 20_000, { withinMs: 120_000, what: '20,000 requests' });
  const records = await load.stop();
  const long = await Promise.all(streams.map((stream) => stream.ended));
  assert.ok(long.every(isUncut), JSON.stringify(long));
  assert.deepEqual(records.filter(hasFailed), []);

  await plant.reload();
  await load.finished;
  const reloaded = users(200);
  await until(() => reloaded.records.length > 300, { withinMs: 20_000, what: 'requests after the reload' });
  await reloaded.stop();
  assert.ok(
    reloaded.records.every(({ slot }) => slot === candidate),
    'everybody is on the new revision after a reload',
  );
});

test('a release whose errors rise at 25 % is put back to 0 % by itself, and says so in one sentence', async () => {
  const { stable, candidate } = await slots();
  await plant.stage[candidate].behave({ errors: { kind: 'saturated', abovePerSecond: 45, share: 0.5 } });
  const load = users();
  const ended = await plant.sluice(['start', plant.rolloutFile(candidate, 'retry: {max: 0}'), '--watch']);
  await load.stop();
  assert.equal(ended.code, 2, ended.stdout + ended.stderr);
  assert.match(ended.stdout, /5xx: candidate \d+ of \d+ .* worse .* Failed after/);
  const route = await plant.stage.haproxy.route();
  assert.equal(route.stable, stable);
  assert.match(route.route, /:0:/);
  await plant.stage[candidate].behave({ errors: { kind: 'none' } });
});

test('an abort from the command line brings everybody back', async () => {
  const load = users();
  const started = await plant.sluice(['start', plant.rolloutFile((await slots()).candidate, 'soak: 60s')]);
  assert.equal(started.code, 0, started.stderr);
  await until(async () => (await phase()).includes('"soaking"'), { withinMs: 30_000, what: 'a soak' });
  const aborted = await plant.sluice(['abort', SERVICE, '--env', 'test', '--reason', 'test']);
  await load.stop();
  assert.equal(aborted.code, 0, aborted.stdout + aborted.stderr);
  assert.match((await plant.stage.haproxy.route()).route, /:0:/);
});

test('a rollback after the promotion brings the previous revision back, also when it was the first rollout ever', async () => {
  const { stable, candidate } = await slots();
  const load = users();
  const promoted = await plant.sluice(['start', plant.rolloutFile(candidate), '--watch', '--again']);
  assert.equal(promoted.code, 0, promoted.stdout + promoted.stderr);
  const climbing = await load.stop();
  await plant.judge();
  const going = users();
  const back = await plant.sluice(['rollback', SERVICE, '--env', 'test']);
  const records = [...climbing, ...(await going.stop())];
  assert.equal(back.code, 0, back.stdout + back.stderr);
  assert.equal((await plant.stage.haproxy.route()).stable, stable);
  assert.deepEqual(records.filter(hasFailed), []);
});

test('with every worker killed in a soak, the lease brings the users back, and the worker that returns goes on', async () => {
  const { stable, candidate } = await slots();
  const load = users();
  const started = await plant.sluice(['start', plant.rolloutFile(candidate, 'soak: 30s'), '--again']);
  assert.equal(started.code, 0, started.stdout + started.stderr);
  await until(() => load.records.some(({ why, slot }) => why !== 'pin' && slot === candidate), {
    withinMs: 60_000,
    what: 'users on the candidate',
  });
  await plant.killWorker();
  const killed = Date.now();
  const atTheKill = load.records.length;
  await until(() => load.records.slice(atTheKill).some(({ why }) => why === 'no-lease'), { withinMs: 20_000, what: 'the lapse' });
  assert.ok(Date.now() - killed <= 17_000, 'lease (15 s) + 1 s, and a second to see it');
  const lapsed = load.records.length;
  await until(() => load.records.length > lapsed + 100, { withinMs: 10_000, what: 'requests after the lapse' });
  assert.ok(
    load.records.slice(lapsed).every(({ slot }) => slot === stable),
    'nobody is on the candidate',
  );
  await plant.startWorker();
  const aborted = await plant.sluice(['abort', SERVICE, '--env', 'test']);
  await load.stop();
  assert.equal(aborted.code, 0, aborted.stdout + aborted.stderr);
  assert.deepEqual(load.records.filter(hasFailed), []);
});

/** Holds the first write that raises a ramp to this weight, until it is let go: what a stalled worker or network does. */
function stallRaise(bp: number): { readonly isHeld: () => boolean; readonly letGo: () => Promise<void> } {
  let go: () => void = () => undefined;
  const later = new Promise<void>((resolve) => {
    go = resolve;
  });
  let held = false;
  const restore = plant.stage.admin.inject((command) => {
    if (held || command.kind !== 'map-write' || command.map !== 'routes') return undefined;
    if (!command.entries.some(({ value }) => value.includes(`:${String(bp)}:`))) return undefined;
    held = true;
    return { kind: 'delay', until: later };
  });
  const landed = (): boolean =>
    plant.stage.admin.commands().some(({ fault, answeredAt }) => fault === 'delay' && answeredAt !== undefined);
  return {
    isHeld: () => held,
    letGo: async () => {
      assert.ok(held, 'a raise was held');
      restore();
      go();
      await until(landed, { withinMs: 10_000, what: 'the late write at the router' });
    },
  };
}

test('a stalled shift whose write lands after the rollback moves nobody', async () => {
  const { stable, candidate } = await slots();
  const load = users();
  const stalled = stallRaise(500);
  const started = await plant.sluice(['start', plant.rolloutFile(candidate), '--again']);
  assert.equal(started.code, 0, started.stdout + started.stderr);
  await until(stalled.isHeld, { withinMs: 90_000, what: 'the stalled shift' });
  const aborted = await plant.sluice(['abort', SERVICE, '--env', 'test']);
  assert.equal(aborted.code, 0, aborted.stdout + aborted.stderr);
  await stalled.letGo();
  const landed = load.records.length;
  await until(() => load.records.length > landed + 300, { withinMs: 20_000, what: 'requests after the late write' });
  await load.stop();
  assert.ok(load.records.slice(landed + 20).every(({ slot }) => slot === stable));
});

test('a stalled shift whose write lands after the promotion moves nobody, nor under the next rollout', async () => {
  const { candidate } = await slots();
  const climbing = users();
  const stalled = stallRaise(500);
  const promoted = await plant.sluice(['start', plant.rolloutFile(candidate), '--watch', '--again']);
  assert.equal(promoted.code, 0, promoted.stdout + promoted.stderr);
  await climbing.stop();
  await plant.judge();
  const load = users();
  const next = await plant.sluice(['start', plant.rolloutFile((await slots()).candidate, 'soak: 20s'), '--again']);
  assert.equal(next.code, 0, next.stdout + next.stderr);
  await until(async () => (await phase()).includes('"soaking"'), { withinMs: 60_000, what: 'the next rollout at 1 %' });
  await stalled.letGo();
  const landed = load.records.length;
  await until(() => load.records.length > landed + 300, { withinMs: 20_000, what: 'requests after the late write' });
  const share = load.records.slice(landed).filter(({ slot }) => slot !== candidate).length / (load.records.length - landed);
  assert.ok(share < 0.05, `still 1 % on the newer candidate, not ${String(100 * share)} %`);
  const aborted = await plant.sluice(['abort', SERVICE, '--env', 'test']);
  await load.stop();
  assert.equal(aborted.code, 0, aborted.stdout + aborted.stderr);
});
