/** What a run costs the store: two round trips for a new key, one for a replay. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createClient } from 'redis';
import { Guard } from '../../../src/guard/guard.js';
import type { Store } from '../../../src/guard/store.js';
import { openPostgresStore } from '../../../src/guard/stores/postgres.js';
import { nodeRedis, openRedisStore, type RedisCommand } from '../../../src/guard/stores/redis.js';
import { Postgres, withoutPostgres } from '../../harness/postgres.js';
import { Redis, withoutRedis } from '../../harness/redis.js';
import { outcome, spec } from '../support.js';

async function assertRoundTrips(store: Store, sent: () => number): Promise<void> {
  const guard = new Guard({ store, revision: 'green' });
  const run = (key: string) => guard.run(spec({ scope: { ...spec().scope, key } }), () => outcome());
  await run('the scripts are known from now on');
  for (const expected of [2, 1, 1]) {
    const before = sent();
    await run('k');
    assert.equal(sent() - before, expected);
  }
}

test('postgres: two statements for a new key, one for a replay', { skip: withoutPostgres, timeout: 60_000 }, async () => {
  const postgres = await Postgres.start();
  const pool = postgres.pool();
  const store = await openPostgresStore(pool, { migrate: true });
  let sent = 0;
  const query = pool.query.bind(pool) as (...words: unknown[]) => unknown;
  Object.assign(pool, {
    query: (...words: unknown[]) => {
      sent++;
      return query(...words);
    },
  });
  await assertRoundTrips(store, () => sent);
  await pool.end();
  await postgres.stop();
});

test('redis: two scripts for a new key, one for a replay', { skip: withoutRedis, timeout: 60_000 }, async () => {
  const redis = await Redis.start();
  const client = createClient({ url: redis.url });
  await client.connect();
  const command = nodeRedis(client);
  let sent = 0;
  const counting: RedisCommand = (parts) => {
    sent++;
    return command(parts);
  };
  await assertRoundTrips(await openRedisStore(counting), () => sent);
  client.destroy();
  await redis.stop();
});
