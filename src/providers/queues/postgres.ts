/**
 * The release record in the guards' PostgreSQL: one statement writes it and tells it. A rollout says a handful of things in
 * hours, so each has a connection of its own, and none is kept.
 */
import type * as Pg from 'pg';
import { encodeReleasePolicy } from '../../domain/release-record.js';
import { GUARD_SCHEMA, RELEASE_CHANNEL, releaseNotice, SCHEMA_NAME } from '../../domain/release-store.js';
import { permanent, transient, type ProviderError } from '../errors.js';
import type { QueueController } from '../ports.js';
import { checkedUrl, driver, recordIn, TIMEOUT_MS, whyOf, type StoreQueuesOptions } from './store.js';

export interface PostgresQueuesOptions extends StoreQueuesOptions {
  /** Of the guard's tables; `sluice_guard` unless told. */
  readonly schema?: string | undefined;
}

export function postgresQueues(
  { url, schema = GUARD_SCHEMA, timeoutMs = TIMEOUT_MS }: PostgresQueuesOptions,
  load: () => Promise<typeof Pg> = () => import('pg'),
): QueueController {
  const connectionString = checkedUrl(url, ['postgres:', 'postgresql:']);
  if (!SCHEMA_NAME.test(schema)) throw permanent(`its schema "${schema}" is no name: lower-case letters, digits and underscores`);
  const connected = async <T>(work: (client: Pg.Client) => Promise<T>): Promise<T> => {
    const { default: pg } = await driver('pg', load);
    const client = new pg.Client({
      connectionString,
      application_name: 'sluice',
      connectionTimeoutMillis: timeoutMs,
      query_timeout: timeoutMs,
      statement_timeout: timeoutMs,
    });
    // Without a listener, a server that ends the session would end the worker. The call that runs gets its own error.
    client.on('error', () => undefined);
    try {
      await client.connect();
      return await work(client);
    } catch (error) {
      throw translated(error, schema);
    } finally {
      await client.end().catch(() => undefined);
    }
  };
  return {
    direct: (target, { keepKeysForMs, ...policy }) =>
      connected(async (client) => {
        const { environment, service } = target;
        const { epoch } = policy.ramp;
        await client.query(tellStatement(schema), [
          environment,
          service,
          epoch,
          policy.sequence,
          encodeReleasePolicy(policy),
          keepKeysForMs,
          RELEASE_CHANNEL,
          releaseNotice(schema, target),
        ]);
      }),
    epoch: ({ environment, service }) =>
      connected(async (client) => {
        const { rows } = await client.query<{ epoch: string }>(
          `SELECT epoch FROM ${schema}.releases WHERE environment = $1 AND service = $2`,
          [environment, service],
        );
        return Number(rows[0]?.epoch ?? 0);
      }),
    record: async ({ environment, service }) => {
      const text = await connected(async (client) => {
        const { rows } = await client.query<{ record: string }>(
          `SELECT record::text AS record FROM ${schema}.releases WHERE environment = $1 AND service = $2`,
          [environment, service],
        );
        return rows[0]?.record;
      });
      return recordIn(text);
    },
  };
}

/** Environment, service, epoch, sequence, policy, how long keys live, channel, notice. A late one writes and tells nothing. */
const tellStatement = (schema: string): string => `
WITH told AS (
  INSERT INTO ${schema}.releases AS known (environment, service, epoch, sequence, record)
  SELECT $1, $2, $3, $4, $5::jsonb || jsonb_build_object('updatedAt', ms, 'keepKeysUntil', ms + $6::bigint)
  FROM (SELECT floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint AS ms) AS clock
  ON CONFLICT (environment, service) DO UPDATE
    SET epoch = excluded.epoch, sequence = excluded.sequence, record = excluded.record
    WHERE (known.epoch, known.sequence) < (excluded.epoch, excluded.sequence)
  RETURNING epoch
)
SELECT pg_notify($7, $8) FROM told`;

/** Of the connection, of resources, of a server that stops or of two statements in each other's way. */
const TRY_AGAIN = /^(08|40|53|55|57|58)/;

function translated(error: unknown, schema: string): ProviderError {
  const code = error instanceof Error && 'severity' in error && 'code' in error ? String(error.code) : undefined;
  const said = `PostgreSQL: ${whyOf(error)}`;
  if (code === undefined || TRY_AGAIN.test(code)) return transient(said, error);
  if (code === '42P01' || code === '3F000')
    return permanent(
      `PostgreSQL has no table ${schema}.releases: a service that opens its guard's store with {migrate: true} makes it, and so does migratePostgres(pool, "${schema}") of sluice/guard`,
      error,
    );
  return permanent(said, error);
}
