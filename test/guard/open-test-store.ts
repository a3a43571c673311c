/** A store by name and address, for tests and the programs they start. */
import { createClient } from 'redis';
import type { Store } from '../../src/guard/store.js';
import { openPostgresStore } from '../../src/guard/stores/postgres.js';
import { nodeRedis, openRedisStore } from '../../src/guard/stores/redis.js';
import { openPool } from '../harness/postgres.js';

export interface OpenedStore {
  readonly store: Store;
  readonly close: () => Promise<void>;
}

export async function openTestStore(kind: string, url: string): Promise<OpenedStore> {
  if (kind === 'postgres') {
    const pool = openPool(url);
    return { store: await openPostgresStore(pool, { migrate: true }), close: () => pool.end() };
  }
  const client = createClient({ url });
  client.on('error', () => undefined);
  await client.connect();
  return {
    store: await openRedisStore(nodeRedis(client)),
    close: () => {
      client.destroy();
      return Promise.resolve();
    },
  };
}
