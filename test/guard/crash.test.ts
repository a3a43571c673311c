/**
 * Workers that die at every step, on real servers. With `tx` no effect happens twice, whenever the worker dies. With
 * `run` an effect outside of the store cannot be undone, so what is promised is that the next attempt knows.
 */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type pg from 'pg';
import { createClient } from 'redis';
import { Guard, type RunResult } from '../../src/guard/guard.js';
import { openPostgresStore, type PostgresStore } from '../../src/guard/stores/postgres.js';
import { nodeRedis, openRedisStore } from '../../src/guard/stores/redis.js';
import type { RunSpec } from '../../src/guard/spec.js';
import { typescriptProgram } from '../harness/node-program.js';
import { Postgres, withoutPostgres } from '../harness/postgres.js';
import { startProcess, type ManagedProcess } from '../harness/processes.js';
import { Redis, withoutRedis } from '../harness/redis.js';
import { untilSeen } from '../harness/until.js';
import { outcome, spec } from './support.js';

const LEASE_MS = 1_000;

let postgres: Postgres;
let redis: Redis;
let pool: pg.Pool;
let client: ReturnType<typeof createClient>;
let inPostgres: Guard<PostgresStore>;
let inRedis: Guard;

before(async () => {
  if (withoutPostgres === false) {
    postgres = await Postgres.start();
    pool = postgres.pool();
    inPostgres = new Guard({ store: await openPostgresStore(pool, { migrate: true }), revision: 'test', storeTimeoutMs: 2_000 });
    await pool.query('CREATE TABLE effects (key text, worker text)');
  }
  if (withoutRedis === false) {
    redis = await Redis.start();
    client = createClient({ url: redis.url });
    await client.connect();
    inRedis = new Guard({ store: await openRedisStore(nodeRedis(client)), revision: 'test', storeTimeoutMs: 2_000 });
  }
});
after(async () => {
  if (withoutPostgres === false) {
    await pool.end();
    await postgres.stop();
  }
  if (withoutRedis === false) {
    client.destroy();
    await redis.stop();
  }
});

const own = (key: string): RunSpec => spec({ scope: { ...spec().scope, key }, leaseMs: LEASE_MS });

interface Server {
  readonly kind: 'postgres' | 'redis';
  readonly url: () => string;
  readonly guard: () => Guard;
  readonly effects: (key: string) => Promise<number>;
  readonly skip: string | false;
}
const SERVERS: readonly Server[] = [
  {
    kind: 'postgres',
    url: () => postgres.url,
    guard: () => inPostgres,
    effects: async (key) => {
      const { rows } = await pool.query<{ count: number }>('SELECT count(*)::int AS count FROM effects WHERE key = $1', [key]);
      return rows[0]!.count;
    },
    skip: withoutPostgres,
  },
  {
    kind: 'redis',
    url: () => redis.url,
    guard: () => inRedis,
    effects: (key) => client.lLen(`effects:${key}`),
    skip: withoutRedis,
  },
];

const worker = (server: Server, how: 'run' | 'tx', step: string, key: string): Promise<ManagedProcess> =>
  startProcess({
    name: `${how} ${step}`,
    file: process.execPath,
    arguments: typescriptProgram(new URL('./crash-main.ts', import.meta.url), [
      server.kind,
      server.url(),
      how,
      step,
      key,
      String(LEASE_MS),
    ]),
  });

/** Asks until the dead worker's lease has lapsed. */
const untilSettled = (ask: () => Promise<RunResult>): Promise<RunResult> =>
  untilSeen(ask, (end) => !(end.kind === 'refused' && end.refusal.kind === 'outstanding'), {
    withinMs: 3 * LEASE_MS,
    what: 'the lease of the dead worker to lapse',
  });

const RUN_STEPS = [
  { step: 'before claim', effects: 0, then: 'executed' },
  { step: 'after claim', effects: 0, then: 'unknown' },
  { step: 'before effect', effects: 0, then: 'unknown' },
  { step: 'after effect', effects: 1, then: 'unknown' },
  { step: 'before seal', effects: 1, then: 'unknown' },
  { step: 'after seal', effects: 1, then: 'replayed' },
  { step: 'after run', effects: 1, then: 'replayed' },
] as const;

for (const server of SERVERS) {
  for (const { step, effects, then } of RUN_STEPS) {
    test(
      `${server.kind}: a worker killed ${step} leaves ${String(effects)} effects, and its retry is ${then}`,
      { skip: server.skip, timeout: 120_000 },
      async () => {
        const key = `run-${step}`;
        const dying = await worker(server, 'run', step, key);
        assert.equal((await dying.waitForExit({ withinMs: 60_000 })).signal, 'SIGKILL');
        assert.equal(await server.effects(key), effects);
        const retry = await untilSettled(() => server.guard().run(own(key), () => outcome(201, 'retry')));
        assert.equal(retry.kind === 'refused' ? retry.refusal.kind : retry.kind, then);
        assert.equal(await server.effects(key), effects);
      },
    );
  }
}

const TX_STEPS = [
  { step: 'before claim', effects: 0 },
  { step: 'before effect', effects: 0 },
  { step: 'after effect', effects: 0 },
  { step: 'before seal', effects: 0 },
  { step: 'after seal', effects: 0 },
  { step: 'before commit', effects: 0 },
  { step: 'after commit', effects: 1 },
  { step: 'after run', effects: 1 },
] as const;

const ours = async (db: pg.PoolClient, key: string, name: string): Promise<ReturnType<typeof outcome>> => {
  await db.query('INSERT INTO effects (key, worker) VALUES ($1, $2)', [key, name]);
  return outcome(201, name);
};

for (const { step, effects } of TX_STEPS) {
  test(
    `tx: a worker killed ${step} leaves ${String(effects)} effects, and after its retry there is one`,
    { skip: withoutPostgres, timeout: 120_000 },
    async () => {
      const key = `tx-${step}`;
      const [server] = SERVERS as [Server];
      const dying = await worker(server, 'tx', step, key);
      assert.equal((await dying.waitForExit({ withinMs: 60_000 })).signal, 'SIGKILL');
      assert.equal(await server.effects(key), effects);
      const retry = await untilSettled(() => inPostgres.tx(own(key), (db) => ours(db, key, 'retry')));
      assert.equal(retry.kind, effects === 0 ? 'executed' : 'replayed');
      assert.equal(await server.effects(key), 1);
    },
  );
}
