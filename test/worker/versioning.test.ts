/** Worker Versioning with pinned rollouts, on a real server: two builds of the worker, an upgrade under an open rollout. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { pino } from 'pino';
import { Client, Connection } from '@temporalio/client';
import proto from '@temporalio/proto';
import { SluiceClient } from '../../src/client/index.js';
import { ROLLOUT_WORKFLOW, rolloutId, TASK_QUEUE } from '../../src/contract/names.js';
import type { RolloutInput } from '../../src/contract/rollout.js';
import type { Outcome } from '../../src/domain/outcome.js';
import type { RolloutPlan } from '../../src/domain/plan.js';
import { MemoryRouter } from '../../src/testing/memory-router.js';
import type { RunningWorker } from '../../src/worker/start-worker.js';
import { startWorker } from '../../src/worker/start-worker.js';
import { Workplace } from '../cli/sluice.js';
import { TemporalServer } from '../harness/temporal.js';
import { until } from '../harness/until.js';
import { configOf, REHEARSING } from './config.js';
import { HealthySource, pinnedFetch, rehearsal } from './rehearsal.js';

const DEPLOYMENT = 'sluice';
const { VersionDrainageStatus } = proto.temporal.api.enums.v1;

let server: TemporalServer;
let connection: Connection;
let client: Client;
let workplace: Workplace;
const router = new MemoryRouter({ now: Date.now });
const running: RunningWorker[] = [];

before(async () => {
  server = await TemporalServer.start();
  connection = await Connection.connect({ address: server.address });
  client = new Client({ connection });
  workplace = new Workplace({ TEMPORAL_ADDRESS: server.address });
});
after(async () => {
  for (const worker of running) await worker.shutdown();
  workplace.remove();
  await connection.close();
  await server.stop();
});

/** Its workers are seen in histories by the identity `build-<id>`. */
async function startBuild(buildId: string): Promise<RunningWorker> {
  const worker = startWorker({
    config: configOf(REHEARSING),
    secrets: { env: {}, readFile: () => '' },
    logger: pino({ level: process.env['SLUICE_TEST_LOG'] ?? 'silent' }),
    temporal: { address: server.address },
    allowInMemory: true,
    fetch: pinnedFetch,
    inMemory: { routers: { edge: router }, metrics: { prom: new HealthySource() } },
    identity: `build-${buildId}`,
    version: { deploymentName: DEPLOYMENT, buildId },
  });
  running.push(worker);
  await worker.ready;
  return worker;
}

async function makeCurrent(buildId: string): Promise<void> {
  const words = ['worker', 'deployment', 'set-current-version', '--deployment-name', DEPLOYMENT, '--build-id', buildId, '--yes'];
  await until(async () => (await server.run(words)).code === 0, { withinMs: 60_000, what: `build ${buildId} to be current` });
}

async function begin(plan: RolloutPlan) {
  router.introduce(plan.target, { id: 'blue', release: 'r1' });
  const input: RolloutInput = { plan, starter: { name: 'test', verified: false } };
  return client.workflow.start<(input: RolloutInput) => Promise<Outcome>>(ROLLOUT_WORKFLOW, {
    workflowId: rolloutId(plan.target),
    taskQueue: TASK_QUEUE,
    args: [input],
  });
}

/** Everybody who did something for the rollout: workflow tasks and activities, both queues. */
async function workersOf(plan: RolloutPlan): Promise<readonly string[]> {
  const { events } = await client.workflow.getHandle(rolloutId(plan.target)).fetchHistory();
  const identities = (events ?? []).flatMap(
    ({ workflowTaskStartedEventAttributes: task, activityTaskStartedEventAttributes: activity }) =>
      task?.identity ?? activity?.identity ?? [],
  );
  return [...new Set(identities)];
}

const drainageOf = async (buildId: string) => {
  const { workerDeploymentVersionInfo } = await connection.workflowService.describeWorkerDeploymentVersion({
    namespace: 'default',
    deploymentVersion: { deploymentName: DEPLOYMENT, buildId },
  });
  return workerDeploymentVersionInfo?.drainageInfo?.status;
};

const doctorSays = (expected: RegExp): Promise<unknown> =>
  until(async () => expected.test((await workplace.run('doctor')).stdout), {
    withinMs: 90_000,
    what: `doctor: ${String(expected)}`,
  });

test('a pinned rollout goes on with its build while new ones begin on the next; the old build drains, and doctor says so', async () => {
  const old = await startBuild('a');
  await makeCurrent('a');
  // Waits at 10 % for a person, who comes after the upgrade.
  const approvals = [{ beforeStep: 1, count: 1, approvers: [], notTheStarter: false }];
  const held: RolloutPlan = { ...rehearsal('held'), approvals, limits: { ...rehearsal('held').limits, approvalMs: 600_000 } };
  const handle = await begin(held);
  await until(async () => (await router.read(held.target)).effectiveBp === 1_000, { withinMs: 60_000, what: 'the first step' });

  await startBuild('b');
  await makeCurrent('b');
  const fresh = rehearsal('fresh');
  const outcome = await (await begin(fresh)).result();
  assert.equal(outcome.outcome, 'promoted', outcome.cause);
  assert.deepEqual(await workersOf(fresh), ['build-b']);
  assert.equal(await drainageOf('a'), VersionDrainageStatus.VERSION_DRAINAGE_STATUS_DRAINING);
  await doctorSays(
    /^ok +worker versioning +sluice\.b is current .*; sluice\.a drains: keep its workers for rollout\/test\/held$/m,
  );

  const sluice = await SluiceClient.connect({ address: server.address });
  const approved = await sluice.send('approve', held.target, { by: 'ann', reason: 'after the upgrade', requestId: 'approve-1' });
  assert.equal(approved.kind, 'accepted');
  await sluice.close();
  const ended = await handle.result();
  assert.equal(ended.outcome, 'promoted', ended.cause);
  assert.deepEqual(await workersOf(held), ['build-a']);

  await doctorSays(
    /^ok +worker versioning +sluice\.b is current .*; nothing is pinned to sluice\.a any more: its workers can be stopped$/m,
  );
  await old.shutdown();
  await doctorSays(
    /^ok +worker versioning +sluice\.b is current for sluice, sluice\.b is current for sluice-long, and has workers$/m,
  );
});
