/** What `doctor` says of Worker Versioning: as a table, and on a real server with versioned workers. */
import assert from 'node:assert/strict';
import { after, before, describe, it, test } from 'node:test';
import { Client, Connection } from '@temporalio/client';
import { judgeVersioning, type PinnedRollout, type Version, type VersionedQueue } from '../../../src/cli/doctor/versioning.js';
import { SEARCH_ATTRIBUTES } from '../../../src/contract/names.js';
import { quietRuntime, startStubWorker, type StubWorker } from '../../client/stub-worker.js';
import { TemporalServer } from '../../harness/temporal.js';
import { until } from '../../harness/until.js';
import { rollout, Workplace } from '../sluice.js';

const A: Version = { deploymentName: 'sluice', buildId: 'a' };
const B: Version = { deploymentName: 'sluice', buildId: 'b' };

const queue = (queue: Partial<VersionedQueue>): VersionedQueue => ({
  queue: 'sluice',
  current: undefined,
  ramping: undefined,
  pollers: [],
  ...queue,
});
const pinnedTo = (version: Version): PinnedRollout => ({ workflowId: 'rollout/production/answer-api', version });

const CASES: readonly {
  readonly title: string;
  readonly queue: Partial<VersionedQueue>;
  readonly pinned?: readonly PinnedRollout[];
  readonly state: 'ok' | 'warning' | 'failed';
  readonly text: RegExp;
}[] = [
  { title: 'unversioned workers', queue: { pollers: [undefined] }, state: 'ok', text: /^not used/ },
  { title: 'nobody at all is not its business', queue: {}, state: 'ok', text: /^not used/ },
  {
    title: 'a current version with workers',
    queue: { current: A, pollers: [A] },
    state: 'ok',
    text: /^sluice\.a is current for sluice, and has workers$/,
  },
  {
    title: 'a current version that nobody polls as',
    queue: { current: A, pollers: [B] },
    state: 'failed',
    text: /^sluice\.a gets the tasks of sluice, and nobody polls as it: .*--deployment-name sluice --unversioned$/,
  },
  {
    title: 'a ramping version that nobody polls as',
    queue: { current: A, ramping: B, pollers: [A] },
    state: 'failed',
    text: /^sluice\.b gets the tasks/,
  },
  {
    title: 'versioned workers before a version is current',
    queue: { pollers: [A] },
    state: 'failed',
    text: /no version is current: nothing is dispatched; .* --deployment-name sluice --build-id a$/,
  },
  {
    title: 'unversioned workers beside a current version',
    queue: { current: A, pollers: [A, undefined] },
    state: 'warning',
    text: /^1 unversioned poll sluice, and sluice\.a is current/,
  },
  {
    title: 'a rollout pinned to a version that still has workers',
    queue: { current: B, pollers: [A, B] },
    pinned: [pinnedTo(A)],
    state: 'ok',
    text: /^sluice\.b is current .*; sluice\.a drains: keep its workers for rollout\/production\/answer-api$/,
  },
  {
    title: 'workers of a version to which nothing is pinned any more',
    queue: { current: B, pollers: [A, B] },
    state: 'ok',
    text: /^sluice\.b is current .*; nothing is pinned to sluice\.a any more: its workers can be stopped$/,
  },
  {
    title: 'a rollout pinned to a version without workers',
    queue: { current: B, pollers: [B] },
    pinned: [pinnedTo(A)],
    state: 'failed',
    text: /^pinned to sluice\.a, which has no worker: rollout\/production\/answer-api; nobody can abort them/,
  },
];

for (const { title, queue: seen, pinned = [], state, text } of CASES) {
  test(`${title}: ${state}`, () => {
    const checks = judgeVersioning([queue(seen)], pinned);
    assert.deepEqual(
      checks.map((check) => check.state),
      [state],
    );
    assert.match(checks[0]?.text ?? '', text);
  });
}

describe('doctor, on a server with versioned workers', { concurrency: false }, () => {
  let server: TemporalServer;
  let connection: Connection;
  let worker: StubWorker;
  let workplace: Workplace;

  before(async () => {
    quietRuntime();
    const types = Object.entries(SEARCH_ATTRIBUTES).map(([key, name]) => [name, key === 'weight' ? 'Int' : 'Keyword'] as const);
    server = await TemporalServer.start({ searchAttributes: Object.fromEntries(types) });
    connection = await Connection.connect({ address: server.address });
    workplace = new Workplace({ TEMPORAL_ADDRESS: server.address });
    worker = await startStubWorker(server.address, {
      workerDeploymentOptions: { version: A, useWorkerVersioning: true, defaultVersioningBehavior: 'PINNED' },
    });
  });
  after(async () => {
    await worker.stop();
    await connection.close();
    workplace.remove();
    await server.stop();
  });

  const says = async (expected: RegExp): Promise<string> =>
    until(
      async () => {
        const { stdout } = await workplace.run('doctor');
        return expected.test(stdout) && stdout;
      },
      { withinMs: 60_000, what: `doctor to say ${String(expected)}; it says ${(await workplace.run('doctor')).stdout}` },
    );

  it('names the command that makes the version current, and is content when it is', async () => {
    await says(/^FAILED +worker versioning +workers poll sluice as sluice\.a, and no version is current/m);
    await until(
      async () =>
        connection.workflowService
          .setWorkerDeploymentCurrentVersion({
            namespace: 'default',
            deploymentName: 'sluice',
            version: 'sluice.a',
            buildId: 'a',
            identity: 'test',
          })
          .then(
            () => true,
            () => false,
          ),
      { withinMs: 30_000, what: 'the server to know the version' },
    );
    await says(
      /^ok +worker versioning +sluice\.a is current for sluice, sluice\.a is current for sluice-long, and has workers$/m,
    );
  });

  it('names the rollout that is pinned to a version whose workers are gone', async () => {
    workplace.write('pinned.yaml', rollout('pinned'));
    const started = await workplace.run('start', 'pinned.yaml');
    assert.equal(started.code, 0, started.stderr);
    const { workflow } = new Client({ connection });
    await until(
      async () => {
        const { raw } = await workflow.getHandle('rollout/test/pinned').describe();
        return raw.workflowExecutionInfo?.versioningInfo?.deploymentVersion?.buildId === 'a';
      },
      { withinMs: 30_000, what: 'the rollout to be pinned' },
    );
    await worker.stop();
    worker = await startStubWorker(server.address);
    const stdout = await says(/pinned to sluice\.a, which has no worker: rollout\/test\/pinned;/);
    assert.match(stdout, /^FAILED +worker versioning +sluice\.a gets the tasks of sluice, and nobody polls as it/m);
  });
});
