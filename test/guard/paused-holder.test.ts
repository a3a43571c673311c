/**
 * Holders that are stopped past their lease, on real servers: a successor writes, the holders go on, and nothing that they
 * write is accepted. Nor does a stopped holder's transaction make its successor wait.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Guard, type RunResult } from '../../src/guard/guard.js';
import { openPostgresStore } from '../../src/guard/stores/postgres.js';
import { typescriptProgram } from '../harness/node-program.js';
import { Postgres, withoutPostgres } from '../harness/postgres.js';
import { startProcess } from '../harness/processes.js';
import { Redis, withoutRedis } from '../harness/redis.js';
import { until, untilSeen } from '../harness/until.js';
import { openTestStore } from './open-test-store.js';
import { isStopped } from './stopped.js';
import { outcome, spec, textOf } from './support.js';

const HOLDERS = 50;
const LEASE_MS = 3_000;
const LONGEST_WAIT_MS = 2_000;
const RUN_STEPS = ['after claim', 'before effect', 'after effect', 'before seal'];
const TX_STEPS = ['before effect', 'after effect', 'before seal', 'after seal'];

const own = (how: string, index: number) =>
  spec({ scope: { ...spec().scope, key: `${how}-${String(index)}` }, leaseMs: LEASE_MS });

async function pauseHolders(
  kind: string,
  url: string,
  how: 'run' | 'tx',
  ask: (index: number) => Promise<RunResult>,
): Promise<void> {
  const words = [kind, url, how, String(HOLDERS), String(LEASE_MS), ...(how === 'tx' ? TX_STEPS : RUN_STEPS)];
  const program = typescriptProgram(new URL('./paused-main.ts', import.meta.url), words);
  const holder = await startProcess({ name: 'paused holder', file: process.execPath, arguments: program });
  try {
    await until(() => isStopped(holder), { withinMs: 30_000, what: 'the holder to stop' });
    let slowestMs = 0;
    const timed = async (index: number): Promise<RunResult> => {
      const begun = performance.now();
      const end = await ask(index);
      slowestMs = Math.max(slowestMs, performance.now() - begun);
      return end;
    };
    const isOver = (end: RunResult): boolean => !(end.kind === 'refused' && end.refusal.kind === 'outstanding');
    const all = Array.from({ length: HOLDERS }, (_, index) => index);
    const wait = { withinMs: 3 * LEASE_MS, what: 'the lease of the stopped holder to lapse', everyMs: 50 };
    const successors = await Promise.all(all.map((index) => untilSeen(() => timed(index), isOver, wait)));
    assert.ok(successors.every(({ kind: end }) => end === 'executed'));
    assert.ok(successors.every((end) => end.kind === 'executed' && end.attempt === 2));
    holder.signal('SIGCONT');
    const { stdout, stderr } = await holder.waitForExit({ withinMs: 30_000 });
    const ends = JSON.parse(stdout) as string[];
    assert.equal(ends.length, HOLDERS, stderr);
    assert.deepEqual(
      ends.filter((end) => end === 'executed'),
      [],
      'stale writes were accepted',
    );
    for (const index of all) {
      const replay = await timed(index);
      assert.equal(replay.kind === 'replayed' && textOf(replay.record.body), 'successor');
    }
    assert.ok(slowestMs <= LONGEST_WAIT_MS, `a successor waited ${String(slowestMs)} ms`);
  } finally {
    await holder.kill();
  }
}

const options = { revision: 'green', storeTimeoutMs: LONGEST_WAIT_MS };
const run = (guard: Guard, index: number): Promise<RunResult> =>
  guard.run({ ...own('run', index), onLost: 'reexecute' }, () => outcome(201, 'successor'));

test(
  'postgres: none of fifty holders that were stopped past their lease seals',
  { skip: withoutPostgres, timeout: 120_000 },
  async () => {
    const postgres = await Postgres.start();
    const pool = postgres.pool();
    const guard = new Guard({ ...options, store: await openPostgresStore(pool, { migrate: true }) });
    await pauseHolders('postgres', postgres.url, 'run', (index) => run(guard, index));
    await pool.end();
    await postgres.stop();
  },
);

test(
  'redis: none of fifty holders that were stopped past their lease seals',
  { skip: withoutRedis, timeout: 120_000 },
  async () => {
    const redis = await Redis.start();
    const { store, close } = await openTestStore('redis', redis.url);
    const guard = new Guard({ ...options, store });
    await pauseHolders('redis', redis.url, 'run', (index) => run(guard, index));
    await close();
    await redis.stop();
  },
);

test(
  'tx: none of fifty transactions that were stopped past their lease commits, and their locks make no successor wait',
  { skip: withoutPostgres, timeout: 120_000 },
  async () => {
    const postgres = await Postgres.start();
    const pool = postgres.pool(30);
    const guard = new Guard({ ...options, store: await openPostgresStore(pool, { migrate: true }) });
    await pool.query('CREATE TABLE effects (key text PRIMARY KEY, worker text)');
    // The effect of every successor is the very row that the stopped holder has written and not committed.
    await pauseHolders('postgres', postgres.url, 'tx', (index) =>
      guard.tx(own('tx', index), async (db) => {
        await db.query("INSERT INTO effects (key, worker) VALUES ($1, 'successor')", [`tx-${String(index)}`]);
        return outcome(201, 'successor');
      }),
    );
    const { rows } = await pool.query('SELECT worker, count(*)::int AS count FROM effects GROUP BY worker');
    assert.deepEqual(rows, [{ worker: 'successor', count: HOLDERS }]);
    await pool.end();
    await postgres.stop();
  },
);
