/** BullMQ on a real Redis, with leases and effects in a real PostgreSQL. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { Queue } from 'bullmq';
import type pg from 'pg';
import { bullConsumer } from '../../../src/guard/adapters/bullmq.js';
import type { PartitionLeases } from '../../../src/guard/partitions/leases.js';
import type { PartitionPolicy } from '../../../src/guard/partitions/policy.js';
import { openPostgresStore } from '../../../src/guard/stores/postgres.js';
import { typescriptProgram } from '../../harness/node-program.js';
import { Postgres, withoutPostgres } from '../../harness/postgres.js';
import { startProcess } from '../../harness/processes.js';
import { Redis, withoutRedis } from '../../harness/redis.js';
import { until } from '../../harness/until.js';
import { isStopped } from '../stopped.js';
import { gate } from '../support.js';
import { openBullQueue, QUEUE, startBullWorker } from './bullmq-stage.js';

const skip = withoutPostgres === false ? withoutRedis : withoutPostgres;
const WAIT_MS = 60_000;

let postgres: Postgres;
let redis: Redis;
let pool: pg.Pool;

before(async () => {
  if (skip !== false) return;
  postgres = await Postgres.start();
  redis = await Redis.start();
  pool = postgres.pool(40);
  await openPostgresStore(pool, { migrate: true });
  await pool.query('CREATE TABLE runs (job text, worker text); CREATE TABLE effects (job text, worker text)');
});
after(async () => {
  if (skip !== false) return;
  await pool.end();
  await postgres.stop();
  await redis.stop();
});

test('options that cannot be meant are an error where the consumer is made', () => {
  const { signal } = new AbortController();
  const options = {
    leases: {} as PartitionLeases,
    queue: 'jobs',
    release: 'r',
    revision: 'blue',
    signal,
    onEvent: () => undefined,
  };
  const made = (change: object) => () => bullConsumer({ ...options, ...change }, () => Promise.resolve());
  assert.throws(made({}), /options\.leases is missing/);
  const leases = { join: () => undefined };
  assert.throws(made({ leases, idleMs: NaN }), /idleMs is NaN/);
  assert.throws(made({ leases, revision: '' }), /options\.revision is empty/);
});

/** A queue of its own name for each test, whose job ids are nobody else's. */
async function filled(name: string, jobs: number): Promise<{ readonly queue: Queue; readonly close: () => Promise<void> }> {
  const opened = await openBullQueue(redis.url, name);
  await opened.queue.addBulk(
    Array.from({ length: jobs }, (_, index) => ({ name: 'job', data: { index }, opts: { jobId: `${name}-${String(index)}` } })),
  );
  return opened;
}

const effectsOf = async (name: string): Promise<readonly { readonly job: string; readonly worker: string }[]> => {
  const { rows } = await pool.query<{ job: string; worker: string }>('SELECT job, worker FROM effects WHERE job LIKE $1', [
    `${name}-%`,
  ]);
  return rows;
};
const untilEffects = (name: string, count: number): Promise<unknown> =>
  until(async () => (await effectsOf(name)).length >= count, { withinMs: WAIT_MS, what: `${String(count)} effects of ${name}` });
const untilCompleted = (queue: Queue, count: number): Promise<unknown> =>
  until(async () => (await queue.getCompletedCount()) >= count, { withinMs: WAIT_MS, what: `${String(count)} completed jobs` });

test(
  'no batch job begins while batch is paused, user-facing ones do, and afterwards all are done (R29)',
  { skip, timeout: 180_000 },
  async () => {
    let policy: PartitionPolicy = { batchPaused: true };
    const batch = await filled('batch', 10);
    const users = await filled('users', 10);
    const workers = [
      await startBullWorker(redis.url, pool, { revision: 'blue', name: 'batch', policy: () => policy }),
      await startBullWorker(redis.url, pool, { revision: 'blue', name: 'users', policy: () => policy, flow: 'user-facing' }),
    ];
    await untilEffects('users', 10);
    assert.deepEqual(await effectsOf('batch'), []);
    policy = { batchPaused: false };
    await untilEffects('batch', 10);
    policy = { batchPaused: true };
    await until(() => workers[0]?.events.at(-1)?.kind === 'waits', { withinMs: WAIT_MS, what: 'the pause' });
    await batch.queue.add('job', {}, { jobId: 'batch-late' });
    await users.queue.add('job', {}, { jobId: 'users-late' });
    await untilEffects('users', 11);
    assert.equal((await effectsOf('batch')).length, 10);
    policy = { batchPaused: false };
    await untilEffects('batch', 11);
    await untilCompleted(batch.queue, 11);
    for (const worker of workers) await worker.end();
    await batch.close();
    await users.close();
  },
);

test(
  'two workers together run no more jobs at once than the cap, and more when it is lifted (R30)',
  { skip, timeout: 180_000 },
  async () => {
    let policy: PartitionPolicy = { batchPaused: false, capPerPartition: 2 };
    let active = 0;
    let most = 0;
    let { opened, open } = gate();
    const during = async (): Promise<void> => {
      most = Math.max(most, ++active);
      await opened;
      active--;
    };
    const { queue, close } = await openBullQueue(redis.url, 'capped');
    const options = { revision: 'blue', name: 'capped', concurrency: 4, policy: () => policy, during, leaseMs: 30_000 };
    const workers = [await startBullWorker(redis.url, pool, options), await startBullWorker(redis.url, pool, options)];
    await until(async () => (await queue.getGlobalConcurrency()) === 2, { withinMs: WAIT_MS, what: 'the cap in BullMQ' });
    await queue.addBulk(
      Array.from({ length: 12 }, (_, index) => ({ name: 'job', data: {}, opts: { jobId: `capped-${String(index)}` } })),
    );
    await until(() => active === 2, { withinMs: WAIT_MS, what: 'two jobs' });
    const before = open;
    ({ opened, open } = gate());
    before();
    await until(async () => active === 2 && (await effectsOf('capped')).length === 2, { withinMs: WAIT_MS, what: 'two more' });
    assert.equal(most, 2);
    policy = { batchPaused: false };
    await until(() => active > 2, { withinMs: WAIT_MS, what: 'more jobs than the cap had allowed' });
    open();
    await untilEffects('capped', 12);
    for (const worker of workers) await worker.end();
    await close();
  },
);

test(
  'jobs on a flip: the new revision begins after the old one has ended, and each job has one effect (R28, R36)',
  { skip, timeout: 180_000 },
  async () => {
    const { queue, close } = await filled('flip', 40);
    const { opened, open } = gate();
    let begun = 0;
    const blue = await startBullWorker(redis.url, pool, {
      revision: 'blue',
      name: 'flip',
      concurrency: 3,
      during: () => (++begun > 10 ? opened : undefined),
    });
    await until(() => begun >= 11, { withinMs: WAIT_MS, what: 'the old revision in the middle of jobs' });
    const green = await startBullWorker(redis.url, pool, { revision: 'green', name: 'flip', concurrency: 3 });
    await until(() => green.events.some((event) => event.kind === 'waits'), {
      withinMs: WAIT_MS,
      what: 'the new revision to wait',
    });
    const ended = blue.end();
    open();
    await ended;
    await untilCompleted(queue, 40);
    await green.end();
    const effects = await effectsOf('flip');
    assert.deepEqual(
      effects.map(({ job }) => job).sort(),
      Array.from({ length: 40 }, (_, index) => `flip-${String(index)}`).sort(),
    );
    assert.deepEqual(new Set(effects.map(({ worker }) => worker)), new Set(['blue', 'green']));
    await close();
  },
);

test(
  'a job whose worker was stopped is run a second time by BullMQ, and still has one effect: the fence refuses the first',
  { skip, timeout: 180_000 },
  async () => {
    const { queue, close } = await filled(QUEUE, 1);
    const program = typescriptProgram(new URL('./bullmq-main.ts', import.meta.url), [redis.url, postgres.url, '2000']);
    const stopped = await startProcess({ name: 'stopped worker', file: process.execPath, arguments: program });
    try {
      await until(() => isStopped(stopped), { withinMs: WAIT_MS, what: `the worker to stop; it said ${stopped.output}` });
      const green = await startBullWorker(redis.url, pool, { revision: 'green', name: QUEUE });
      await untilCompleted(queue, 1);
      stopped.signal('SIGCONT');
      await until(() => stopped.stdout !== '', { withinMs: WAIT_MS, what: 'the stopped worker to go on' });
      assert.ok(!stopped.stdout.includes('executed') && !stopped.stdout.includes('replayed'), stopped.stdout);
      const { rows } = await pool.query<{ worker: string }>('SELECT worker FROM runs WHERE job LIKE $1', [`${QUEUE}-%`]);
      assert.deepEqual(rows.map(({ worker }) => worker).sort(), ['blue', 'green'], 'both ran it');
      assert.deepEqual(await effectsOf(QUEUE), [{ job: `${QUEUE}-0`, worker: 'green' }]);
      await green.end();
    } finally {
      await stopped.kill();
      await close();
    }
  },
);
