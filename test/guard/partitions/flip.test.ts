/**
 * Workers of two revisions on one partition, on real servers: killed and stopped in the middle of jobs, before and during a
 * flip. Every job has one effect, and no two revisions take turns (R28, R36).
 */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { typescriptProgram } from '../../harness/node-program.js';
import { withoutPostgres } from '../../harness/postgres.js';
import { startProcess, type ManagedProcess } from '../../harness/processes.js';
import { withoutRedis } from '../../harness/redis.js';
import { until } from '../../harness/until.js';
import { isStopped } from '../stopped.js';
import { postgresStage, redisStage, type PostgresStage, type RedisStage } from './stages.js';

const LEASE_MS = 1_500;
const JOBS = 60;

interface Effect {
  readonly job: string;
  /** Revision and epoch. */
  readonly worker: string;
}

interface Server {
  readonly kind: string;
  readonly skip: string | false;
  /** Before the effect, and after what can no longer be taken back. */
  readonly steps: { readonly before: string; readonly after: string };
  /** All steps at which a worker may die. */
  readonly deaths: readonly string[];
  readonly url: () => string;
  readonly clear: () => Promise<unknown>;
  readonly fill: (jobs: number) => Promise<unknown>;
  readonly effects: () => Promise<readonly Effect[]>;
}

let postgres: PostgresStage;
let redis: RedisStage;

before(async () => {
  if (withoutPostgres === false) {
    postgres = await postgresStage();
    await postgres.pool.query(
      `CREATE TABLE jobs (position serial PRIMARY KEY, id text, partition text);
       CREATE TABLE effects (position serial PRIMARY KEY, key text, worker text)`,
    );
  }
  if (withoutRedis === false) redis = await redisStage();
});
after(async () => {
  if (withoutPostgres === false) await postgres.stop();
  if (withoutRedis === false) await redis.stop();
});

const names = (jobs: number): string[] => Array.from({ length: jobs }, (_, index) => `job-${String(index)}`);

const SERVERS: readonly Server[] = [
  {
    kind: 'postgres',
    skip: withoutPostgres,
    steps: { before: 'before effect', after: 'after commit' },
    deaths: ['before effect', 'after effect', 'before commit', 'after commit'],
    url: () => postgres.server.url,
    clear: () => postgres.pool.query('TRUNCATE jobs, effects, sluice_guard.partitions'),
    fill: (jobs) => postgres.pool.query("INSERT INTO jobs (id, partition) SELECT unnest($1::text[]), 'p'", [names(jobs)]),
    effects: async () => {
      const { rows } = await postgres.pool.query<Effect>('SELECT key AS job, worker FROM effects ORDER BY position');
      return rows;
    },
  },
  {
    kind: 'redis',
    skip: withoutRedis,
    steps: { before: 'before write', after: 'after write' },
    deaths: ['before write', 'after write'],
    url: () => redis.server.url,
    clear: () => redis.client.flushAll(),
    fill: (jobs) => redis.client.rPush('jobs:p', names(jobs)),
    effects: async () =>
      (await redis.client.lRange('effects:p', 0, -1)).map((text) => {
        const [job = '', worker = ''] = JSON.parse(text) as string[];
        return { job, worker };
      }),
  },
];

const startWorker = ({ kind, url }: Server, revision: string, signal = 'none', step = '', job = 0): Promise<ManagedProcess> =>
  startProcess({
    name: `${revision} worker`,
    file: process.execPath,
    arguments: typescriptProgram(new URL('./worker-main.ts', import.meta.url), [
      kind,
      url(),
      revision,
      String(LEASE_MS),
      signal,
      step,
      String(job),
    ]),
  });

const untilDone = (server: Server, jobs: number): Promise<unknown> =>
  until(async () => (await server.effects()).length >= jobs, { withinMs: 60_000, what: `${String(jobs)} effects`, everyMs: 50 });

const isKilled = (worker: ManagedProcess): boolean => worker.exit?.signal === 'SIGKILL';

function assertOnceEach(effects: readonly Effect[], jobs: number): void {
  assert.deepEqual(effects.map(({ job }) => job).sort(), names(jobs).sort());
}

for (const server of SERVERS) {
  for (const step of server.deaths) {
    test(
      `${server.kind}: a worker killed ${step} frees its partition after its lease; no job is lost or done twice`,
      { skip: server.skip, timeout: 120_000 },
      async () => {
        await server.clear();
        await server.fill(8);
        const dying = await startWorker(server, 'blue', 'SIGKILL', step, 3);
        await until(() => isKilled(dying), { withinMs: 60_000, what: 'the worker to die' });
        const successor = await startWorker(server, 'green');
        await untilDone(server, 8);
        successor.signal('SIGUSR2');
        assert.equal((await successor.waitForExit({ withinMs: 30_000 })).code, 0);
        assertOnceEach(await server.effects(), 8);
      },
    );
  }

  test(
    `${server.kind}: jobs on a flip, with a kill and a stop in the middle, have one effect each, one revision after the other (R36)`,
    { skip: server.skip, timeout: 180_000 },
    async () => {
      await server.clear();
      const killed = await startWorker(server, 'blue', 'SIGKILL', server.steps.after, 5);
      const stopped = await startWorker(server, 'blue', 'SIGSTOP', server.steps.before, 5);
      const workers = [killed, stopped];
      try {
        const haveJoined = (): boolean => workers.every(({ stdout }) => stdout.includes('joined'));
        await until(haveJoined, { withinMs: 60_000, what: 'both old workers to join' });
        workers.push(await startWorker(server, 'green', 'SIGKILL', server.steps.before, 5), await startWorker(server, 'green'));
        await server.fill(JOBS);
        await until(() => isKilled(killed) && isStopped(stopped), { withinMs: 60_000, what: 'both old workers to be gone' });
        await untilDone(server, JOBS);
        stopped.signal('SIGCONT');
        await until(() => stopped.stdout.includes('lost'), { withinMs: 30_000, what: 'the stopped worker to notice' });
      } finally {
        for (const worker of workers) await worker.kill();
      }
      const effects = await server.effects();
      assertOnceEach(effects, JOBS);
      const revisions = effects.map(({ worker }) => worker.split(' ')[0]);
      assert.deepEqual(revisions, [...revisions].sort(), 'blue came back');
      assert.deepEqual([...new Set(revisions)], ['blue', 'green']);
      const epochs = effects.map(({ worker }) => Number(worker.split(' ')[1]));
      assert.deepEqual(
        epochs,
        epochs.toSorted((a, b) => a - b),
        'an epoch came back',
      );
    },
  );
}
