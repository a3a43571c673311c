/**
 * The port to a store of keys. Two clocks, both the store's own: a short *lease* for the worker and a long *retention* for the
 * record. A lapsed lease never deletes anything: the next claim gets the next attempt, and so knows that somebody began.
 *
 * Every operation is atomic and may be repeated. A call that timed out may still take effect; whoever gives up on a claim
 * releases it when it comes through after all. Errors mean "the store cannot say", never "no".
 */
import type { StoreKey } from './keys.js';
import type { StoredRecord } from './record.js';

export interface Claim {
  readonly fingerprint: string;
  /** Of this attempt only: the fence by which a successor shuts its predecessor out. */
  readonly token: string;
  readonly leaseMs: number;
  readonly retainMs: number;
}

export type Claimed =
  /** 1: nobody began before. More: an earlier attempt began, and how it ended is unknown. */
  | { readonly kind: 'claimed'; readonly attempt: number }
  /** A worker is at it; its lease ends in `retryMs` unless it is renewed. */
  | { readonly kind: 'busy'; readonly retryMs: number }
  | { readonly kind: 'done'; readonly record: StoredRecord }
  /** The key was used for another request. Judged before all else. */
  | { readonly kind: 'mismatch' };

export interface Store {
  claim(key: StoreKey, claim: Claim): Promise<Claimed>;
  /** From now on; 0 ends the lease now. False: the claim is another's by now, or settled. */
  renew(key: StoreKey, token: string, leaseMs: number): Promise<boolean>;
  /** Seals the record for `retainMs`. False: the claim is another's, and nothing was written. */
  complete(key: StoreKey, token: string, record: StoredRecord, retainMs: number): Promise<boolean>;
  /**
   * Ends the lease now. `unknown`: the next claim is a further attempt. `none`: this attempt did nothing and does not count.
   * False: the claim is another's, or settled.
   */
  release(key: StoreKey, token: string, effect: 'unknown' | 'none'): Promise<boolean>;
}

export interface TransactionLimits {
  readonly retainMs: number;
  /** The server ends a transaction that is idle for so long, so that a paused holder blocks nobody. */
  readonly idleMs: number;
}

/** `stale`: the claim is another's, and everything was rolled back. */
export type TransactionEnd = 'sealed' | 'rolled-back' | 'stale';

/** A store in which the effect lives as well, so that effect and record are one transaction. */
export interface TransactionalStore<Db> extends Store {
  /**
   * Runs `work` in a transaction and seals its record as the last statement; `undefined` rolls back. Rejects with what `work`
   * threw, after the rollback, with `TransactionIdle`, or with `CommitUnknown`.
   */
  transact(
    key: StoreKey,
    token: string,
    limits: TransactionLimits,
    work: (db: Db) => Promise<StoredRecord | undefined>,
  ): Promise<TransactionEnd>;
  /**
   * Within the transaction of `db`: moves the head of `source` up to `revision`. False if it was there or beyond. Waits for a
   * transaction that moves the same head, so that the revisions of a source take their effect one after the other.
   */
  advance(db: Db, source: StoreKey, revision: number): Promise<boolean>;
}

/** PostgreSQL ended the transaction because the program left it idle for too long. All of it was rolled back. */
export class TransactionIdle extends Error {
  override readonly name = 'TransactionIdle';

  constructor(idleMs: number, options?: ErrorOptions) {
    super(
      `the transaction was idle for more than ${String(idleMs)} ms, half of its lease, so PostgreSQL ended it and nothing was written: ` +
        'do slow outside work before the transaction begins, or take a longer leaseMs',
      options,
    );
  }
}

/** The connection broke during the commit. The next claim finds out whether it took place. */
export class CommitUnknown extends Error {
  override readonly name = 'CommitUnknown';
}
