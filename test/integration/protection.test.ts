/** What protects the users when Temporal is dead or the workflow is stuck: the activity that judges, and the lease that nobody renews. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { afterEach, beforeEach, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { bundleWorkflowCode, DefaultLogger } from '@temporalio/worker';
import { hasFailed, Load, type LoadRecord } from '../harness/load.js';
import { typescriptProgram } from '../harness/node-program.js';
import { freePort } from '../harness/ports.js';
import { startProcess, type ManagedProcess } from '../harness/processes.js';
import { until } from '../harness/until.js';
import { payloadConverterPath } from '../workflow/bundle.js';
import { Plant, ROLLOUT } from './plant.js';

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

/** Half of the users on the candidate, in a soak that outlasts the test. */
async function reachHalf(): Promise<void> {
  const steps = 'steps: [{weight: 50, soak: 5m}, 100]';
  const started = await plant.sluice(['start', plant.rolloutFile('green', `${steps}\nbucket: ${String(BUCKET_MS / 1_000)}s`)]);
  assert.equal(started.code, 0, started.stdout + started.stderr);
  await until(() => load.records.slice(-200).filter(onCandidate).length > 60, { withinMs: 60_000, what: 'half of the users' });
}

async function killTemporalAtHalf(): Promise<void> {
  await reachHalf();
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
  assert.deepEqual(load.records.filter(hasFailed), []);
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

test('with the workflow stuck at 50 %, its task failing again and again, users are back within bucket and lease, and no request fails', async () => {
  await reachHalf();
  const upgraded = await startUpgradedWorker();
  try {
    // From here on only the upgraded worker lives: it judges and renews, until the bucket ends and nobody begins the next.
    await plant.killWorker();
    const tookMs = await exposureSince(load.records.length, BUCKET_MS + LEASE_MS + 30_000);
    // 400 requests on stable alone, at 200 a second, were waited for; leases are whole seconds, rounded up.
    assert.ok(tookMs - 2_000 <= BUCKET_MS + LEASE_MS + 1_000 + TICK_MS, `${String(tookMs)} ms`);
    // Sooner it would have been the old worker's lease that lapsed, and the activity would have been nobody's.
    assert.ok(tookMs > LEASE_MS, `${String(tookMs)} ms`);
    assert.deepEqual(load.records.filter(hasFailed), []);
    assert.equal(await plant.temporal.isOpen(ROLLOUT), true);
    const { events } = await plant.temporal.showHistory(ROLLOUT);
    const failures = events
      .filter(({ type }) => type === 'WORKFLOW_TASK_FAILED')
      .map(({ attributes }) => JSON.stringify(attributes));
    assert.match(failures.at(-1) ?? 'none', /a bug that came with an upgrade/);
  } finally {
    await upgraded.stop();
  }
});

async function startUpgradedWorker(): Promise<ManagedProcess> {
  const { code } = await bundleWorkflowCode({
    workflowsPath: fileURLToPath(new URL('./fixtures/broken-workflows.ts', import.meta.url)),
    payloadConverterPath,
    logger: new DefaultLogger('ERROR'),
  });
  const bundle = plant.file('broken-workflows.js');
  writeFileSync(bundle, code);
  const port = await freePort();
  const program = new URL('./stuck-worker-main.ts', import.meta.url);
  return startProcess(
    {
      name: 'upgraded worker',
      file: process.execPath,
      arguments: typescriptProgram(program, [plant.file('sluice.config.yaml'), bundle, String(port)]),
      environment: { RELEASE_TOKEN: plant.stage.token },
    },
    { isReady: async () => (await fetch(`http://127.0.0.1:${String(port)}/readyz`)).ok, withinMs: 120_000 },
  );
}
