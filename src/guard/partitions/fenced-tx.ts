/** For jobs of a queue that is elsewhere: once for their key, and only while the lease of their partition is alive. */
import type { PoolClient } from 'pg';
import type { RunContext } from '../execution.js';
import type { Guard, RunResult } from '../guard.js';
import type { Outcome } from '../outcome.js';
import type { RunSpec } from '../spec.js';
import type { TransactionalStore } from '../store.js';
import type { PartitionLease } from './leases.js';
import type { PostgresPartitions } from './postgres.js';

/** The lease of the partition was lost: nothing was done, and whoever holds the partition now does it. */
export class StaleLease extends Error {
  override readonly name = 'StaleLease';

  constructor({ queue, partition, epoch }: PartitionLease) {
    super(`the lease of partition "${partition}" of "${queue}" (epoch ${String(epoch)}) was lost: nothing was written`);
  }
}

/**
 * `guard.tx` whose transaction commits only while `lease` is alive. The partitions and the guard's store must be in one
 * database. Rejects with `StaleLease` after everything was rolled back.
 */
export function fencedTx(
  guard: Guard<TransactionalStore<PoolClient>>,
  { leases, lease }: { readonly leases: PostgresPartitions; readonly lease: PartitionLease },
  spec: Omit<RunSpec, 'onLost' | 'onStoreDown' | 'mode'>,
  fn: (db: PoolClient, context: RunContext) => Promise<Outcome> | Outcome,
): Promise<RunResult> {
  return guard.tx(spec, async (db: PoolClient, context) => {
    const outcome = await fn(db, context);
    if (!(await leases.holds(db, lease))) throw new StaleLease(lease);
    return outcome;
  });
}
