/** What protects the users when Temporal itself is dead: the activity that judges, and the lease that nobody renews. */
import assert from 'node:assert/strict';
import { afterEach, beforeEach, test } from 'node:test';
import { Load, type LoadRecord } from '../harness/load.js';
import { until } from '../harness/until.js';
import { Plant } from './plant.js';

const BUCKET_MS = 30_000;
const LEASE_MS = 15_000;
const TICK_MS = 1_000;

let plant: Plant;
let load: Load;
beforeEach(async () => {
  plant = await Plant.start({ durable: true });
  load = new Load({
    url: plant.stage.haproxy.url,
    requestsPerSecond: 200,
    concurrency: 16,
    atMost: { requests: 100_000, ms: 300_000 },
  });
});
afterEach(async () => {
  await load.stop();
  await plant.stop();
});

const onCandidate = ({ slot, why }: LoadRecord): boolean => slot === 'green' && why !== 'pin';
const failed = ({ failure, status }: LoadRecord): boolean => failure !== undefined || (status ?? 0) >= 500;

/** Half of the users on the candidate, in a soak that outlasts the test; then Temporal is killed. */
async function killTemporalAtHalf(): Promise<void> {
  const steps = 'steps: [{weight: 50, soak: 5m}, 100]';
  const started = await plant.sluice(['start', plant.rolloutFile('green', `${steps}\nbucket: ${String(BUCKET_MS / 1_000)}s`)]);
  assert.equal(started.code, 0, started.stdout + started.stderr);
  await until(() => load.records.slice(-200).filter(onCandidate).length > 60, { withinMs: 60_000, what: 'half of the users' });
  await plant.temporal.kill();
}

/** How long users were sent to the candidate after a moment, once they no longer are. */
async function exposureSince(recordsThen: number, withinMs: number): Promise<number> {
  const begun = Date.now();
  await until(() => load.records.length > recordsThen + 400 && !load.records.slice(-400).some(onCandidate), {
    withinMs,
    everyMs: 200,
    what: 'everybody on stable',
  });
  return Date.now() - begun;
}

test('with Temporal killed at 50 %, users are back on stable within bucket and lease, and no request fails', async () => {
  await killTemporalAtHalf();
  const tookMs = await exposureSince(load.records.length, BUCKET_MS + LEASE_MS + 10_000);
  // 400 requests on stable alone, at 200 a second, were waited for.
  assert.ok(tookMs - 2_000 <= BUCKET_MS + LEASE_MS + TICK_MS, `${String(tookMs)} ms`);
  assert.deepEqual(load.records.filter(failed), []);
});

test('a gate that fails while Temporal is dead is acted on by the activity itself', async () => {
  await killTemporalAtHalf();
  const then = load.records.length;
  await plant.stage.green.behave({ errors: { kind: 'even', share: 0.5 } });
  const tookMs = await exposureSince(then, 20_000);
  // Far sooner than a lease could: the rest is what it takes to see 400 requests, and the sample of a tick.
  assert.ok(tookMs - 2_000 <= 3 * TICK_MS, `${String(tookMs)} ms`);
  assert.match((await plant.stage.haproxy.route()).route, /green:/, 'the weight is still written: the ramp was revoked');
});
