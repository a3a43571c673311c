/**
 * The tables of the PostgreSQL store, and how a database gets them. Every migration is applied once, in a transaction, under
 * a lock; its checksum is kept, so that one that was edited after it was applied is found. Migrations only add: an older
 * revision that runs beside a newer one goes on working, and a history longer than the one known here is no error.
 */
import { createHash } from 'node:crypto';
import type { Pool, PoolClient } from 'pg';
import { SCHEMA_NAME } from '../../domain/release-store.js';

interface Migration {
  readonly name: string;
  readonly sql: string;
}

/** `SCHEMA` stands for the schema's name. Never edit one: add another. */
const MIGRATIONS: readonly Migration[] = [
  {
    name: '1 claims',
    sql: `CREATE TABLE SCHEMA.claims (
  key text PRIMARY KEY,
  fingerprint text NOT NULL,
  attempt integer NOT NULL,
  token text NOT NULL,
  lease_until timestamptz NOT NULL,
  keep_until timestamptz NOT NULL,
  record bytea
);
CREATE INDEX claims_keep_until ON SCHEMA.claims (keep_until);`,
  },
  { name: '2 heads', sql: `CREATE TABLE SCHEMA.heads (source text PRIMARY KEY, revision bigint NOT NULL);` },
  {
    name: '3 releases',
    sql: `CREATE TABLE SCHEMA.releases (
  environment text,
  service text,
  epoch bigint NOT NULL,
  sequence bigint NOT NULL,
  record jsonb NOT NULL,
  PRIMARY KEY (environment, service)
);`,
  },
  {
    name: '4 partitions',
    sql: `CREATE TABLE SCHEMA.partitions (
  queue text,
  partition text,
  release text NOT NULL,
  revision text NOT NULL,
  epoch bigint NOT NULL,
  workers jsonb NOT NULL,
  PRIMARY KEY (queue, partition)
);`,
  },
];

export const checksumOf = (sql: string): string => createHash('sha256').update(sql).digest('hex');

/** See `SCHEMA_NAME`. */
export function checkedSchema(schema: string): string {
  if (SCHEMA_NAME.test(schema)) return schema;
  throw new TypeError(`the schema "${schema}" cannot be used: take lower-case letters, digits and underscores`);
}

/** Applies what is missing. Safe to run from every instance at once. */
export async function migratePostgres(pool: Pool, schema: string): Promise<void> {
  const client = await pool.connect();
  try {
    await client.query('BEGIN');
    await client.query("SELECT pg_advisory_xact_lock(hashtext('sluice.guard.migrations'))");
    await client.query(`CREATE SCHEMA IF NOT EXISTS ${schema};
CREATE TABLE IF NOT EXISTS ${schema}.migrations (
  name text PRIMARY KEY, checksum text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now())`);
    for (const { name, sql } of await missing(client, schema)) {
      await client.query(sql.replaceAll('SCHEMA', schema));
      await client.query(`INSERT INTO ${schema}.migrations (name, checksum) VALUES ($1, $2)`, [name, checksumOf(sql)]);
    }
    await client.query('COMMIT');
  } catch (error) {
    await client.query('ROLLBACK');
    throw error;
  } finally {
    client.release();
  }
}

/** Rejects if the database is behind, or if what was applied is not what is known here. */
export async function assertMigrated(pool: Pool, schema: string): Promise<void> {
  const { rows } = await pool.query<{ present: boolean }>('SELECT to_regclass($1) IS NOT NULL AS present', [
    `${schema}.migrations`,
  ]);
  const behind = rows[0]?.present === true ? await missing(pool, schema) : MIGRATIONS;
  if (behind.length > 0)
    throw new Error(
      `the schema "${schema}" lacks the migrations ${behind.map(({ name }) => `"${name}"`).join(', ')}: run migratePostgres`,
    );
}

async function missing(db: Pool | PoolClient, schema: string): Promise<readonly Migration[]> {
  const { rows } = await db.query<{ name: string; checksum: string }>(`SELECT name, checksum FROM ${schema}.migrations`);
  const applied = new Map(rows.map(({ name, checksum }) => [name, checksum]));
  for (const { name, sql } of MIGRATIONS) {
    const checksum = applied.get(name);
    if (checksum !== undefined && checksum !== checksumOf(sql))
      throw new Error(
        `migration "${name}" in schema "${schema}" is not the one known here: it was edited, or the schema is another's`,
      );
  }
  return MIGRATIONS.filter(({ name }) => !applied.has(name));
}
