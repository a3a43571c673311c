/** The whole worker against a real Temporal server; router, metrics and revisions live in memory. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import pino from 'pino';
import { Client, Connection } from '@temporalio/client';
import { SluiceClient } from '../../src/client/index.js';
import {
  JANITOR_SCHEDULE,
  JANITOR_WORKFLOW,
  ROLLOUT_WORKFLOW,
  rolloutId,
  SEARCH_ATTRIBUTES,
  TASK_QUEUE,
} from '../../src/contract/names.js';
import type { RolloutInput } from '../../src/contract/rollout.js';
import type { Outcome } from '../../src/domain/outcome.js';
import type { RolloutPlan } from '../../src/domain/plan.js';
import { MemoryRouter } from '../../src/testing/memory-router.js';
import type { WorkerOptions } from '../../src/worker/options.js';
import { startWorker, type RunningWorker } from '../../src/worker/start-worker.js';
import { RAMP, STABLE, CANDIDATE } from '../activities/fakes.js';
import { freePort } from '../harness/ports.js';
import { TemporalServer } from '../harness/temporal.js';
import { until } from '../harness/until.js';
import { configOf, REHEARSING } from './config.js';
import { HealthySource, pinnedFetch, rehearsal } from './rehearsal.js';

let server: TemporalServer;
let connection: Connection;
let client: Client;
let sluice: SluiceClient;

before(async () => {
  server = await TemporalServer.start();
  connection = await Connection.connect({ address: server.address });
  client = new Client({ connection });
  sluice = await SluiceClient.connect({ address: server.address });
});

after(async () => {
  await sluice.close();
  await connection.close();
  await server.stop();
});

const logger = pino({ level: process.env['SLUICE_TEST_LOG'] ?? 'silent' });
const secrets = { env: {}, readFile: () => '' };

function worker(router: MemoryRouter, more: Partial<WorkerOptions> = {}): RunningWorker {
  return startWorker({
    config: configOf(REHEARSING),
    secrets,
    logger,
    temporal: { address: server.address },
    allowInMemory: true,
    fetch: pinnedFetch,
    inMemory: { routers: { edge: router }, metrics: { prom: new HealthySource() } },
    ...more,
  });
}

const ask = async (url: string, path: string) => {
  const response = await fetch(url + path);
  return { status: response.status, text: await response.text() };
};

test('before Temporal answers it is alive and not ready, and can be ended', async () => {
  const early = worker(new MemoryRouter({ now: Date.now }), { temporal: { address: `127.0.0.1:${await freePort()}` } });
  const { url } = await early.listening;
  assert.equal((await ask(url, '/healthz')).status, 200);
  assert.deepEqual(await ask(url, '/readyz'), {
    status: 503,
    text: '{"status":"not ready","reasons":["waiting for Temporal"]}\n',
  });
  await early.shutdown();
  await early.finished;
  await assert.rejects(early.ready, /shut down before Temporal/);
});

test('ready means: attributes registered, janitor scheduled, both queues polled, metrics told', async () => {
  const one = worker(new MemoryRouter({ now: Date.now }), { identity: 'one' });
  const two = worker(new MemoryRouter({ now: Date.now }), { identity: 'two' });
  await Promise.all([one.ready, two.ready]);
  const { workflows, long } = await sluice.workers();
  assert.deepEqual([workflows.toSorted(), long.toSorted()], Array(2).fill(['one', 'two']));
  const { url } = await one.listening;
  assert.deepEqual(await ask(url, '/readyz'), { status: 200, text: '{"status":"ready"}\n' });
  const { customAttributes } = await connection.operatorService.listSearchAttributes({ namespace: 'default' });
  for (const name of Object.values(SEARCH_ATTRIBUTES)) assert.ok(Object.hasOwn(customAttributes, name), name);
  const schedule = await client.schedule.getHandle(JANITOR_SCHEDULE).describe();
  assert.equal(schedule.action.workflowType, JANITOR_WORKFLOW);
  const metrics = await until(
    async () => {
      const { text } = await ask(url, '/metrics');
      return text.includes('temporal_') && text;
    },
    { withinMs: 10_000, what: 'the SDK’s metrics beside ours' },
  );
  assert.match(metrics, /sluice_ticks_judged_total/);
  await Promise.all([one.shutdown(), two.shutdown()]);
  await Promise.all([one.finished, two.finished]);
});

async function begin(plan: RolloutPlan) {
  const input: RolloutInput = { plan, starter: { name: 'test', verified: false } };
  return client.workflow.start<(input: RolloutInput) => Promise<Outcome>>(ROLLOUT_WORKFLOW, {
    workflowId: rolloutId(plan.target),
    taskQueue: TASK_QUEUE,
    args: [input],
  });
}

test('a rollout is handed from worker to worker in the middle of a step, without a lapse, and is promoted', async () => {
  const router = new MemoryRouter({ now: Date.now });
  const plan = rehearsal('handed-over');
  router.introduce(plan.target, { id: 'blue', release: 'r1' });
  const first = worker(router, { shutdownGraceMs: 100 });
  await first.ready;
  const handle = await begin(plan);
  await until(() => router.calls.filter(({ call }) => call === 'renew').length >= 2, {
    withinMs: 60_000,
    what: 'two renewals by the first worker',
  });
  const second = worker(router);
  await second.ready;
  await first.shutdown();
  await first.finished;
  const outcome = await handle.result();
  assert.equal(outcome.outcome, 'promoted', outcome.cause);
  assert.equal((await router.read(plan.target)).stable?.id, 'green');
  assert.equal(
    router.calls
      .filter(({ call }) => call === 'apply')
      .every(({ ramp }) => ramp === router.calls.find(({ call }) => call === 'apply')?.ramp),
    true,
    'one ramp from end to end',
  );
  const { url } = await second.listening;
  const { text } = await ask(url, '/metrics');
  assert.match(
    text,
    /sluice_lease_renewals_total\{service="handed-over",environment="test",release_id="r2",revision="green",outcome="renewed"\} \d/,
  );
  await second.shutdown();
});

test('a rollout whose gates only observe, as a rollback of a promotion is, is accepted on its probes (A24, A26)', async () => {
  const router = new MemoryRouter({ now: Date.now });
  const base = rehearsal('observing');
  const gates = base.judge.gates.map((gate) => ({ ...gate, mode: 'observe' as const }));
  const plan = {
    ...base,
    steps: [{ weightBp: 10_000, soakMs: 1_000, soakMaxMs: 1_000 }],
    judge: { ...base.judge, gates },
    idleThen: 'accept-on-probes' as const,
  };
  router.introduce(plan.target, { id: 'blue', release: 'r1' });
  const only = worker(router);
  await only.ready;
  const outcome = await (await begin(plan)).result();
  assert.equal(outcome.outcome, 'promoted', outcome.cause);
  assert.match(outcome.timeline.map(({ what }) => what).join('\n'), /accepted on probes/);
  await only.shutdown();
});

test('the janitor puts users back whose rollout was terminated, and touches no other ramp', async () => {
  const router = new MemoryRouter({ now: Date.now });
  const plan = rehearsal('orphaned');
  // No worker runs yet: the rollout is cut short before it could do anything, as if its workers had died.
  const handle = await begin(plan);
  await handle.terminate('as somebody does in the UI');
  const ramp = { ...RAMP, owner: rolloutId(plan.target) };
  await router.apply(
    plan.target,
    { stable: STABLE, candidate: CANDIDATE, candidateBp: 2_500, ramp, sequence: 1, sticky: true },
    600_000,
  );
  const other = { service: 'running', environment: 'test' };
  await router.apply(
    other,
    {
      stable: STABLE,
      candidate: CANDIDATE,
      candidateBp: 2_500,
      ramp: { ...RAMP, id: 'r2~00000002', owner: rolloutId(other) },
      sequence: 1,
      sticky: true,
    },
    600_000,
  );
  const sweeper = worker(router);
  await sweeper.ready;
  const told = await until(
    async () => {
      const swept = (await client.workflow.execute(JANITOR_WORKFLOW, {
        workflowId: `sweep-${Date.now()}`,
        taskQueue: TASK_QUEUE,
      })) as readonly string[];
      return swept.length > 0 && swept;
    },
    { withinMs: 30_000, what: 'the index to show the terminated rollout' },
  );
  assert.match(told.join(), /rollout\/test\/orphaned, which is not running; it gave the candidate 25 %/);
  assert.equal((await router.read(plan.target)).effectiveBp, 0);
  assert.equal((await router.read(other)).effectiveBp, 2_500);
  await sweeper.shutdown();
});

test('what webpack says of the workflows is told at debug alone', async () => {
  const told: { level: number; msg: string }[] = [];
  const to = { write: (line: string) => void told.push(JSON.parse(line) as { level: number; msg: string }) };
  const only = worker(new MemoryRouter({ now: Date.now }), { logger: pino({ level: 'debug' }, to) });
  await only.ready;
  await only.shutdown();
  const webpack = told.filter(({ msg }) => /webpack|asset workflow-bundle/.test(msg));
  assert.deepEqual(
    webpack.map(({ level }) => level),
    webpack.map(() => pino.levels.values['debug']),
  );
  assert.notEqual(webpack.length, 0);
});
