/** A real store in which a controller writes the release record and a guard reads it. */
import { createClient } from 'redis';
import { releaseKey, GUARD_PREFIX } from '../../../src/domain/release-store.js';
import { postgresReleases } from '../../../src/guard/release/postgres.js';
import type { ReleaseSource } from '../../../src/guard/release/reader.js';
import { redisReleases } from '../../../src/guard/release/redis.js';
import { migratePostgres } from '../../../src/guard/stores/postgres-migrations.js';
import { nodeRedis } from '../../../src/guard/stores/redis.js';
import type { QueueController } from '../../../src/providers/ports.js';
import { postgresQueues } from '../../../src/providers/queues/postgres.js';
import { redisQueues } from '../../../src/providers/queues/redis.js';
import { Postgres, withoutPostgres } from '../../harness/postgres.js';
import { Redis, withoutRedis } from '../../harness/redis.js';

export const TARGET = { service: 'jobs', environment: 'test' };

export interface ReleaseStage {
  readonly queues: Required<QueueController>;
  /** Hears of new records. */
  readonly source: ReleaseSource;
  /** The store's clock. */
  now(): Promise<number>;
  /** Puts any text in the record's place. */
  put(record: string): Promise<void>;
  forget(): Promise<void>;
  kill(): Promise<void>;
  /** Again on the same port. */
  start(): Promise<void>;
  stop(): Promise<void>;
}

const SCHEMA = 'sluice_guard';

async function postgresStage(): Promise<ReleaseStage> {
  const server = await Postgres.start();
  const pool = server.pool();
  await migratePostgres(pool, SCHEMA);
  const { environment, service } = TARGET;
  return {
    queues: postgresQueues({ url: server.url }) as Required<QueueController>,
    source: postgresReleases(pool),
    now: async () => {
      const { rows } = await pool.query<{ ms: number }>('SELECT (extract(epoch FROM clock_timestamp()) * 1000)::float8 AS ms');
      return rows[0]?.ms ?? NaN;
    },
    put: async (record) => {
      await pool.query(`UPDATE ${SCHEMA}.releases SET record = $3 WHERE environment = $1 AND service = $2`, [
        environment,
        service,
        record,
      ]);
    },
    forget: async () => {
      await pool.query(`DELETE FROM ${SCHEMA}.releases WHERE environment = $1 AND service = $2`, [environment, service]);
    },
    kill: () => server.kill(),
    start: () => server.start(),
    stop: async () => {
      await pool.end();
      await server.stop();
    },
  };
}

async function redisStage(): Promise<ReleaseStage> {
  const server = await Redis.start();
  const client = createClient({ url: server.url });
  const subscriber = client.duplicate();
  for (const one of [client, subscriber]) {
    one.on('error', () => undefined);
    await one.connect();
  }
  const key = releaseKey(GUARD_PREFIX, TARGET);
  return {
    queues: redisQueues({ url: server.url }) as Required<QueueController>,
    source: redisReleases(nodeRedis(client), { subscriber }),
    now: async () => {
      const [seconds, micros] = (await client.sendCommand(['TIME'])) as unknown as [string, string];
      return Number(seconds) * 1_000 + Number(micros) / 1_000;
    },
    put: async (record) => {
      await client.hSet(key, 'record', record);
    },
    forget: async () => {
      await client.del(key);
    },
    kill: () => server.kill(),
    start: () => server.start(),
    stop: async () => {
      client.destroy();
      subscriber.destroy();
      await server.stop();
    },
  };
}

export const STAGES = [
  { kind: 'PostgreSQL', without: withoutPostgres, open: postgresStage },
  { kind: 'Redis', without: withoutRedis, open: redisStage },
] as const;
