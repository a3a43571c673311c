/** Partition leases on real servers, for tests and the programs they start. */
import { setTimeout as pause } from 'node:timers/promises';
import { createClient } from 'redis';
import { openPostgresPartitions, type PostgresPartitions } from '../../../src/guard/partitions/postgres.js';
import { openRedisPartitions, type RedisPartitions, type RedisWrite } from '../../../src/guard/partitions/redis.js';
import { nodeRedis } from '../../../src/guard/stores/redis.js';
import { Postgres } from '../../harness/postgres.js';
import { Redis } from '../../harness/redis.js';
import type { PartitionStage } from './conformance.js';

export interface PostgresStage extends PartitionStage {
  readonly leases: PostgresPartitions;
  readonly server: Postgres;
  readonly pool: ReturnType<Postgres['pool']>;
}

export async function postgresStage(): Promise<PostgresStage> {
  const server = await Postgres.start();
  const pool = server.pool(30);
  const leases = await openPostgresPartitions(pool, { migrate: true });
  await pool.query('CREATE TABLE written (id serial PRIMARY KEY, list text, value text)');
  return {
    leases,
    server,
    pool,
    append: async (lease, list, value) => {
      const end = await leases.within(lease, (db) =>
        db.query('INSERT INTO written (list, value) VALUES ($1, $2)', [list, value]),
      );
      return end.kind;
    },
    appended: async (list) => {
      const { rows } = await pool.query<{ value: string }>('SELECT value FROM written WHERE list = $1 ORDER BY id', [list]);
      return rows.map(({ value }) => value);
    },
    pass: (ms) => pause(ms),
    stop: async () => {
      await pool.end();
      await server.stop();
    },
  };
}

export const QUEUE = 'index';

export const appendTo = (list: string, value: string): RedisWrite => ({
  script: "return redis.call('RPUSH', KEYS[1], ARGV[1])",
  keys: [`list:${list}`],
  values: [value],
});

/** Dequeue and effect in one act: from the list `jobs:` to the list `effects:`. */
export const takeJob = (partition: string, worker: string): RedisWrite => ({
  script: `local job = redis.call('LPOP', KEYS[1])
if job then redis.call('RPUSH', KEYS[2], cjson.encode({job, ARGV[1]})) end
return job`,
  keys: [`jobs:${partition}`, `effects:${partition}`],
  values: [worker],
});

const clientOf = (url: string) => createClient({ url });

export interface OpenedRedis {
  readonly leases: RedisPartitions;
  readonly client: ReturnType<typeof clientOf>;
  readonly close: () => void;
}

export async function openRedis(url: string): Promise<OpenedRedis> {
  const client = clientOf(url);
  client.on('error', () => undefined);
  await client.connect();
  const close = (): void => {
    client.destroy();
  };
  return { leases: await openRedisPartitions(nodeRedis(client)), client, close };
}

export interface RedisStage extends PartitionStage, OpenedRedis {
  readonly leases: RedisPartitions;
  readonly server: Redis;
}

export async function redisStage(): Promise<RedisStage> {
  const server = await Redis.start();
  const opened = await openRedis(server.url);
  const { leases, client, close } = opened;
  return {
    ...opened,
    server,
    append: async (lease, list, value) => {
      const end = await leases.write(lease, appendTo(list, value));
      return end.kind;
    },
    appended: (list) => client.lRange(`list:${list}`, 0, -1),
    pass: (ms) => pause(ms),
    stop: async () => {
      close();
      await server.stop();
    },
  };
}
