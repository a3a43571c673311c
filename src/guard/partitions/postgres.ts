/**
 * Partitions in PostgreSQL, one row each. Every operation is one statement on that row, so that no client holds a lock between
 * two statements: a process that is stopped makes nobody wait. The one exception is the moment between a fenced
 * transaction's last look at its lease and its commit, which the server bounds.
 */
import { randomUUID } from 'node:crypto';
import type { Pool, PoolClient } from 'pg';
import { preparedSchema, type PostgresStoreOptions } from '../stores/postgres.js';
import { inTransaction } from '../stores/postgres-transaction.js';
import {
  checkedJoining,
  renewedFrom,
  waitsFor,
  type Fenced,
  type Joined,
  type Joining,
  type Partition,
  type PartitionLease,
  type PartitionLeases,
  type Renewed,
} from './leases.js';
import { holdsStatement, joinStatement, leaveStatement, renewStatement } from './postgres-statements.js';

interface JoinRow {
  readonly joined: boolean;
  readonly epoch: number;
  readonly release: string;
  readonly revision: string;
  readonly workers: number;
  readonly first_ms: number | null;
  readonly last_ms: number | null;
}

/** A row that appears between a statement's snapshot and its insert is seen by the next statement. */
const JOIN_TRIES = 5;

/** Between the last look at the lease and the commit. A successor never waits longer for a process that stopped there. */
const COMMIT_IDLE_MS = 1_000;

/** The tables are the guard's: see `openPostgresStore`. */
export async function openPostgresPartitions(pool: Pool, options: PostgresStoreOptions = {}): Promise<PostgresPartitions> {
  return new PostgresPartitions(pool, await preparedSchema(pool, options));
}

export class PostgresPartitions implements PartitionLeases {
  readonly #pool: Pool;
  readonly #table: string;

  constructor(pool: Pool, schema: string) {
    this.#pool = pool;
    this.#table = `${schema}.partitions`;
  }

  async join(partition: Partition, joining: Joining): Promise<Joined> {
    checkedJoining(partition, joining);
    const { release, revision, worker, leaseMs, maxWorkers } = joining;
    if (maxWorkers === 0) return { kind: 'waits', why: 'paused' };
    const { queue, partition: name } = partition;
    const token = randomUUID();
    for (let tries = 0; tries < JOIN_TRIES; tries++) {
      const { rows } = await this.#pool.query<JoinRow>(joinStatement(this.#table), [
        queue,
        name,
        release,
        revision,
        worker,
        token,
        leaseMs,
        maxWorkers,
      ]);
      const [row] = rows;
      if (row?.joined === true)
        return { kind: 'joined', lease: { queue, partition: name, release, revision, worker, leaseMs, epoch: row.epoch, token } };
      if (row !== undefined) return waiting(row, joining);
    }
    throw new Error('another worker joins and leaves the same partition without pause');
  }

  async renew(lease: PartitionLease, maxWorkers: number | undefined): Promise<Renewed> {
    const { rows } = await this.#pool.query<{ before: number }>(renewStatement(this.#table), [...nameOf(lease), lease.leaseMs]);
    return renewedFrom(rows[0]?.before, maxWorkers);
  }

  async leave(lease: PartitionLease): Promise<boolean> {
    const { rowCount } = await this.#pool.query(leaveStatement(this.#table), nameOf(lease));
    return rowCount === 1;
  }

  /**
   * Dequeue and effect in one transaction, which commits only while the lease is alive. Rejects with what `work` threw, after
   * the rollback, or with `CommitUnknown`. The server ends the transaction when it is idle for half the lease.
   */
  async within<Value>(lease: PartitionLease, work: (db: PoolClient) => Promise<Value>): Promise<Fenced<Value>> {
    const idleMs = Math.max(Math.floor(lease.leaseMs / 2), 1);
    return inTransaction<Fenced<Value>>(this.#pool, idleMs, async (db) => {
      const value = await work(db);
      if (await this.holds(db, lease)) return { commit: true, end: { kind: 'written', value } };
      return { commit: false, end: { kind: 'stale' } };
    });
  }

  /**
   * In a transaction of yours, as its last statement before the commit: is the lease alive? Until the commit, which has to
   * follow within a second, nobody can take the partition over.
   */
  async holds(db: PoolClient, lease: PartitionLease): Promise<boolean> {
    const { rowCount } = await db.query(holdsStatement(this.#table), [...nameOf(lease), String(COMMIT_IDLE_MS)]);
    return rowCount === 1;
  }
}

const nameOf = ({ queue, partition, worker, token, epoch }: PartitionLease): (string | number)[] => [
  queue,
  partition,
  worker,
  token,
  epoch,
];

const waiting = ({ release, revision, epoch, workers, first_ms, last_ms }: JoinRow, joining: Joining): Joined =>
  waitsFor({ release, revision, epoch, workers }, joining, { one: first_ms ?? 0, all: last_ms ?? 0 });
