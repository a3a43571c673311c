/**
 * Holders of partitions that are stopped past their lease, on real servers: successors of the same and of another revision
 * take over and write, the holders go on, and nothing that they write is accepted. Nor do they make anybody wait.
 */
import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import type { PartitionLease } from '../../../src/guard/partitions/leases.js';
import { typescriptProgram } from '../../harness/node-program.js';
import { withoutPostgres } from '../../harness/postgres.js';
import { startProcess } from '../../harness/processes.js';
import { withoutRedis } from '../../harness/redis.js';
import { until, untilSeen } from '../../harness/until.js';
import { isStopped } from '../stopped.js';
import { BLUE, GREEN, joining, leaseOf, type PartitionStage } from './conformance.js';
import { appendTo, postgresStage, QUEUE, redisStage } from './stages.js';

const HOLDERS = 50;
const LEASE_MS = 3_000;
const LONGEST_WAIT_MS = 2_000;

async function pauseHolders(
  context: TestContext,
  { leases }: PartitionStage,
  words: readonly string[],
  steps: readonly string[],
  write: (lease: PartitionLease) => Promise<{ readonly kind: string }>,
): Promise<void> {
  const all = [...words, String(HOLDERS), String(LEASE_MS), ...steps];
  const program = typescriptProgram(new URL('./paused-main.ts', import.meta.url), all);
  const holder = await startProcess({ name: 'paused holder', file: process.execPath, arguments: program });
  try {
    await until(() => isStopped(holder), { withinMs: 60_000, what: `the holder to stop; it said ${holder.output}` });
    let slowestMs = 0;
    const timed = async <T>(call: Promise<T>): Promise<T> => {
      const begun = performance.now();
      const end = await call;
      slowestMs = Math.max(slowestMs, performance.now() - begun);
      return end;
    };
    const wait = { withinMs: 3 * LEASE_MS, what: 'the lease of the stopped holder to lapse', everyMs: 50 };
    const succeed = async (index: number): Promise<string> => {
      // Of its own revision, the epoch would not tell the stopped one from its successor; the token does.
      const mine = joining(index % 2 === 0 ? GREEN : BLUE, { leaseMs: 60_000, maxWorkers: 1 });
      const partition = { queue: QUEUE, partition: `p-${String(index)}` };
      const joined = await untilSeen(
        () => timed(leases.join(partition, mine)),
        (answer) => answer.kind === 'joined',
        wait,
      );
      return (await timed(write(leaseOf(joined)))).kind;
    };
    const successors = await Promise.all(Array.from({ length: HOLDERS }, (_, index) => succeed(index)));
    assert.deepEqual([...new Set(successors)], ['written']);
    holder.signal('SIGCONT');
    const { stdout, stderr } = await holder.waitForExit({ withinMs: 60_000 });
    const ends = JSON.parse(stdout) as string[];
    assert.equal(ends.length, HOLDERS, stderr);
    const accepted = ends.filter((end) => end !== 'stale' && end !== 'threw');
    assert.deepEqual(accepted, [], 'stale writes were accepted');
    context.diagnostic(
      `stale writes accepted: 0 of ${String(ends.length)}; slowest call of a successor: ${slowestMs.toFixed(0)} ms`,
    );
    assert.ok(slowestMs <= LONGEST_WAIT_MS, `a successor waited ${String(slowestMs)} ms`);
  } finally {
    await holder.kill();
  }
}

test(
  'postgres: none of fifty holders of partitions that were stopped past their lease commits, and nobody waits for them',
  { skip: withoutPostgres, timeout: 180_000 },
  async (context) => {
    const stage = await postgresStage();
    const { pool, server } = stage;
    await pool.query('CREATE TABLE effects (key text PRIMARY KEY, worker text)');
    const steps = ['before transaction', 'before effect', 'after effect', 'before commit'];
    // The effect of every successor is the very row that the stopped holder has written and not committed.
    await pauseHolders(context, stage, ['postgres', server.url], steps, (lease) =>
      stage.leases.within(lease, (db) =>
        db.query("INSERT INTO effects (key, worker) VALUES ($1, 'successor')", [lease.partition]),
      ),
    );
    const { rows } = await pool.query('SELECT worker, count(*)::int AS count FROM effects GROUP BY worker');
    assert.deepEqual(rows, [{ worker: 'successor', count: HOLDERS }]);
    await stage.stop();
  },
);

test(
  'redis: none of fifty holders of partitions that were stopped past their lease writes, and nobody waits for them',
  { skip: withoutRedis, timeout: 180_000 },
  async (context) => {
    const stage = await redisStage();
    await pauseHolders(context, stage, ['redis', stage.server.url], ['before write'], (lease) =>
      stage.leases.write(lease, appendTo(lease.partition, 'successor')),
    );
    for (let index = 0; index < HOLDERS; index++) assert.deepEqual(await stage.appended(`p-${String(index)}`), ['successor']);
    await stage.stop();
  },
);
