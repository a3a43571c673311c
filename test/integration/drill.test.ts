/** `sluice drill` as a process, before a real HAProxy with two revisions of a service, beside a worker and a Temporal that live on. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Load } from '../harness/load.js';
import { temporalCli } from '../harness/temporal-cli.js';
import { until } from '../harness/until.js';
import { Plant, ROLLOUT } from './plant.js';

const LEASE_MS = 12_000;
const BUCKET_MS = 10_000;
const BLIND_MS = 10_000;
/** Unlike the profile's: a drill must not shorten them. */
const TIMES = ['lease: 12s', 'bucket: 10s', 'limits: {blind: 10s}', 'stale: 5s'].join('\n');

interface Drill {
  readonly fault: string;
  readonly kind: string;
  readonly tookMs: number;
  readonly lease: string;
  readonly bound: { readonly by: string; readonly withinMs: number };
}

let plant: Plant;
before(async () => {
  plant = await Plant.start();
  process.env['RELEASE_TOKEN'] = plant.stage.token;
  process.env['TEMPORAL_CLI_PATH'] = await temporalCli();
  // Somebody's own: a drill must not find its way there.
  process.env['TEMPORAL_ADDRESS'] = plant.temporal.address;
});
after(async () => {
  await plant.stop();
});

test('every fault is broken under a real rollout, and the router says within the stated bound that everybody is back', async () => {
  const load = new Load({ url: plant.stage.haproxy.url, requestsPerSecond: 20, atMost: { requests: 20_000, ms: 900_000 } });
  const words = ['drill', plant.rolloutFile('green', TIMES), '--at', '25', '--rps', '80', '-o', 'json'];
  const { code, stdout, stderr } = await plant.sluice(words, 900_000);
  const records = await load.stop();
  assert.equal(code, 0, stdout + stderr);
  const { drills, users } = JSON.parse(stdout) as {
    drills: readonly Drill[];
    users: { requests: number; failed: number; failure?: string };
  };
  assert.deepEqual(
    drills.map(({ fault, kind, lease, bound }) => [fault, kind, lease, bound.by, bound.withinMs]),
    [
      ['errors', 'back', 'revoked', 'gate', 60_000],
      ['blind', 'back', 'revoked', 'limits.blind', BLIND_MS + 5_000 + 7_000],
      ['worker-dead', 'back', 'lapsed', 'lease', LEASE_MS + 1_000],
      ['temporal-dead', 'back', 'lapsed', 'bucket + lease', BUCKET_MS + LEASE_MS + 1_000],
      ['router-down', 'back', 'lapsed', 'lease', LEASE_MS + 1_000],
    ],
  );
  // What returned them was the limit or the lease, and not the first look after a fault that ended the rollout at once.
  for (const { fault, tookMs } of drills.slice(1)) assert.ok(tookMs > Math.min(LEASE_MS, BLIND_MS) / 2, `${fault}: ${tookMs} ms`);
  assert.deepEqual(
    records.filter(({ failure, status }) => failure !== undefined || status !== 200),
    [],
  );
  assert.ok(records.some(({ slot }) => slot === 'green') && users.requests > 1_000);
  assert.deepEqual(users, { requests: users.requests, failed: 0 });
  assert.notEqual((await plant.stage.haproxy.route()).revoked, 'no', 'the last ramp is closed as well');
  assert.deepEqual(await plant.temporal.json(['workflow', 'list', '--query', "WorkflowType = 'rollout'"]), []);
});

test('a drill leaves the ramp of a real rollout alone', async () => {
  const started = await plant.sluice(['start', plant.rolloutFile('green', 'steps: [{weight: 50, soak: 5m}, 100]')]);
  assert.equal(started.code, 0, started.stdout + started.stderr);
  await until(async () => (await plant.stage.haproxy.route()).route.startsWith('green:5000'), {
    withinMs: 60_000,
    what: 'the real rollout at 50 %',
  });
  const { code, stdout, stderr } = await plant.sluice(['drill', plant.rolloutFile('green', TIMES), '--fault', 'worker-dead']);
  assert.deepEqual([code, stdout], [1, '']);
  assert.match(stderr, /^sluice: app has an open ramp \(app-green-release~\w+\); wait until .*: sluice abort app --env test\n$/);
  assert.equal((await plant.stage.haproxy.route()).revoked, 'no');
  assert.equal(await plant.temporal.isOpen(ROLLOUT), true);
});
