/**
 * Keys in PostgreSQL: one statement to claim, one to seal, all times the server's. Where the effect lives in the same
 * database, `transact` seals it in the effect's own transaction.
 */
import type { Pool, PoolClient } from 'pg';
import { GUARD_SCHEMA } from '../../domain/release-store.js';
import type { StoreKey } from '../keys.js';
import { checkOptions, checkValue, having, optional } from '../options.js';
import { encodeRecord, type StoredRecord } from '../record.js';
import type { Claim, Claimed, TransactionalStore, TransactionEnd, TransactionLimits } from '../store.js';
import { assertMigrated, checkedSchema, migratePostgres } from './postgres-migrations.js';
import { claimedFrom, claimStatement, completeStatement, type ClaimRow } from './postgres-statements.js';
import { inTransaction } from './postgres-transaction.js';

export interface PostgresStoreOptions {
  /** Where the tables are; `sluice_guard` unless told. */
  readonly schema?: string | undefined;
  /** Apply what is missing first. Otherwise a database that is behind is an error. */
  readonly migrate?: boolean | undefined;
}

/**
 * `pool` needs more than one connection for `guard.tx`: while a transaction holds one, the lease is renewed through another.
 */
export async function openPostgresStore(pool: Pool, options: PostgresStoreOptions = {}): Promise<PostgresStore> {
  return new PostgresStore(pool, await preparedSchema(pool, options));
}

/** The schema that `options` name, with its tables. Rejects if the database is behind and `migrate` is not set. */
export async function preparedSchema(pool: Pool, options: PostgresStoreOptions): Promise<string> {
  checkValue('the pool', pool, having('query', 'a Pool of pg'));
  checkOptions<PostgresStoreOptions>('a PostgreSQL store', options, { schema: optional('text'), migrate: optional('flag') });
  const schema = checkedSchema(options.schema ?? GUARD_SCHEMA);
  if (options.migrate === true) await migratePostgres(pool, schema);
  await assertMigrated(pool, schema);
  return schema;
}

/** A row that appears between a statement's snapshot and its insert is seen by the next statement. */
const CLAIM_TRIES = 5;

export class PostgresStore implements TransactionalStore<PoolClient> {
  readonly #pool: Pool;
  readonly #table: string;
  readonly #claimStatement: string;
  readonly #completeStatement: string;

  readonly #heads: string;

  constructor(pool: Pool, schema: string) {
    this.#pool = pool;
    this.#table = `${schema}.claims`;
    this.#heads = `${schema}.heads`;
    this.#claimStatement = claimStatement(this.#table);
    this.#completeStatement = completeStatement(this.#table);
  }

  async claim(key: StoreKey, { fingerprint, token, leaseMs, retainMs }: Claim): Promise<Claimed> {
    for (let tries = 0; tries < CLAIM_TRIES; tries++) {
      const { rows } = await this.#pool.query<ClaimRow>(this.#claimStatement, [key, fingerprint, token, leaseMs, retainMs]);
      const [row] = rows;
      if (row !== undefined) return claimedFrom(row);
    }
    throw new Error('another request claims and releases the same key without pause');
  }

  async renew(key: StoreKey, token: string, leaseMs: number): Promise<boolean> {
    return this.#changed(
      `UPDATE ${this.#table} SET lease_until = clock_timestamp() + $3 * interval '1 ms'
       WHERE key = $1 AND token = $2 AND record IS NULL AND keep_until > clock_timestamp()`,
      [key, token, leaseMs],
    );
  }

  async complete(key: StoreKey, token: string, record: StoredRecord, retainMs: number): Promise<boolean> {
    return this.#changed(this.#completeStatement, [key, token, encodeRecord(record), retainMs]);
  }

  async release(key: StoreKey, token: string, effect: 'unknown' | 'none'): Promise<boolean> {
    if (effect === 'unknown') return this.#released(key, token, 0);
    const forgotten = await this.#changed(
      `DELETE FROM ${this.#table} WHERE key = $1 AND token = $2 AND record IS NULL AND attempt = 1`,
      [key, token],
    );
    return forgotten || this.#released(key, token, 1);
  }

  /** Deletes up to `limit` records past their retention and says how many; for a timer of yours, every few minutes. */
  async purge(limit = 10_000): Promise<number> {
    const { rowCount } = await this.#pool.query(
      `DELETE FROM ${this.#table} WHERE key IN
         (SELECT key FROM ${this.#table} WHERE keep_until <= clock_timestamp() LIMIT $1 FOR UPDATE SKIP LOCKED)`,
      [limit],
    );
    return rowCount ?? 0;
  }

  async transact(
    key: StoreKey,
    token: string,
    limits: TransactionLimits,
    work: (db: PoolClient) => Promise<StoredRecord | undefined>,
  ): Promise<TransactionEnd> {
    return inTransaction<TransactionEnd>(this.#pool, limits.idleMs, async (db) => {
      const record = await work(db);
      if (record === undefined) return { commit: false, end: 'rolled-back' };
      // Last, so that its lock on the claim is as short as the commit.
      const { rowCount } = await db.query(this.#completeStatement, [key, token, encodeRecord(record), limits.retainMs]);
      return rowCount === 1 ? { commit: true, end: 'sealed' } : { commit: false, end: 'stale' };
    });
  }

  async advance(db: PoolClient, source: StoreKey, revision: number): Promise<boolean> {
    const { rowCount } = await db.query(
      `INSERT INTO ${this.#heads} AS head (source, revision) VALUES ($1, $2)
       ON CONFLICT (source) DO UPDATE SET revision = excluded.revision WHERE head.revision < excluded.revision`,
      [source, revision],
    );
    return rowCount === 1;
  }

  #released(key: StoreKey, token: string, notCounted: 0 | 1): Promise<boolean> {
    return this.#changed(
      `UPDATE ${this.#table} SET token = '', lease_until = to_timestamp(0), attempt = attempt - $3
       WHERE key = $1 AND token = $2 AND record IS NULL`,
      [key, token, notCounted],
    );
  }

  async #changed(statement: string, values: readonly unknown[]): Promise<boolean> {
    const { rowCount } = await this.#pool.query(statement, [...values]);
    return rowCount === 1;
  }
}
