/** A transaction that a stopped process cannot keep open, and whose end is known or said to be unknown. */
import type { Pool, PoolClient } from 'pg';
import { CommitUnknown, TransactionIdle } from '../store.js';

/** `idle_in_transaction_session_timeout`, by Appendix A of PostgreSQL's manual. */
const isIdleTimeout = (error: unknown): boolean => (error as { code?: unknown } | undefined)?.code === '25P03';

/** Of what runs in a transaction: its end, and whether to commit it. */
export interface Ending<End> {
  readonly commit: boolean;
  readonly end: End;
}

/**
 * The server ends the transaction when it is idle for `idleMs`. Rejects with what `work` threw, after the rollback, with
 * `TransactionIdle`, or with `CommitUnknown`.
 */
export async function inTransaction<End>(
  pool: Pool,
  idleMs: number,
  work: (db: PoolClient) => Promise<Ending<End>>,
): Promise<End> {
  const db = await pool.connect();
  let broken: Error | undefined;
  let wasIdle = false;
  const note = (error: Error): void => {
    broken = error;
    wasIdle ||= isIdleTimeout(error);
  };
  // Once the server has said so, nothing can have been committed, and all that the driver says is that the connection is gone.
  const plain = (error: unknown): unknown =>
    wasIdle || isIdleTimeout(error) ? new TransactionIdle(idleMs, { cause: error }) : error;
  // Without a listener, a server that ends the session would end the process.
  db.on('error', note);
  const rollBack = (): Promise<unknown> => db.query('ROLLBACK').catch(note);
  const begun = async (): Promise<Ending<End>> => {
    await db.query(`BEGIN; SET LOCAL idle_in_transaction_session_timeout = ${String(idleMs)}`);
    return work(db);
  };
  try {
    const { commit, end } = await begun().catch(async (error: unknown) => {
      await rollBack();
      throw plain(error);
    });
    if (commit)
      await committed(db).catch((error: unknown) => {
        broken = error as Error;
        throw plain(error);
      });
    else await rollBack();
    return end;
  } finally {
    db.off('error', note);
    db.release(broken);
  }
}

async function committed(db: PoolClient): Promise<void> {
  try {
    await db.query('COMMIT');
  } catch (error) {
    // An error that the server answered with, such as a deferred constraint, rolled back for certain.
    if ((error as { severity?: string }).severity === 'ERROR') throw error;
    throw new CommitUnknown('the connection to PostgreSQL broke during the commit', { cause: error });
  }
}
