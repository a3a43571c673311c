/** The release record in PostgreSQL, where the store's migrations made its table. */
import type { Pool } from 'pg';
import { GUARD_SCHEMA, RELEASE_CHANNEL, releaseNotice } from '../../domain/release-store.js';
import { checkedSchema } from '../stores/postgres-migrations.js';
import type { ReleaseSource, ReleaseWatcher } from './reader.js';

export interface PostgresReleasesOptions {
  /** Where the tables are; `sluice_guard` unless told. */
  readonly schema?: string | undefined;
  /**
   * Keeps one connection of the pool to listen for new records; true unless told. Close the reader before the pool. Behind a
   * pooler in transaction mode nothing is heard, and a new record is seen at the next read.
   */
  readonly listen?: boolean | undefined;
}

export function postgresReleases(
  pool: Pick<Pool, 'query' | 'connect'>,
  { schema = GUARD_SCHEMA, listen = true }: PostgresReleasesOptions = {},
): ReleaseSource {
  const table = `${checkedSchema(schema)}.releases`;
  return {
    async read({ environment, service }) {
      const { rows } = await pool.query<{ record: string }>(
        `SELECT record::text AS record FROM ${table} WHERE environment = $1 AND service = $2`,
        [environment, service],
      );
      return rows[0]?.record;
    },
    ...(listen ? { watch: (target, watcher) => listenOn(pool, releaseNotice(schema, target), watcher) } : {}),
  };
}

async function listenOn(
  pool: Pick<Pool, 'connect'>,
  notice: string,
  { changed, lost }: ReleaseWatcher,
): Promise<() => Promise<void>> {
  const client = await pool.connect();
  let isOver = false;
  // Destroyed and not given back: whoever got it next would hear the notices.
  const end = (): void => {
    if (isOver) return;
    isOver = true;
    client.release(true);
  };
  client.on('error', () => {
    end();
    lost();
  });
  client.on('notification', ({ payload }) => {
    if (payload === notice) changed();
  });
  await client.query(`LISTEN ${RELEASE_CHANNEL}`).catch((error: unknown) => {
    end();
    throw error;
  });
  return () => {
    end();
    return Promise.resolve();
  };
}
