/** What the controller allows on a partition, as a service reads it from the release record. */

export interface PartitionPolicy {
  /** Heavy batch rests during the steps up to and including 25 % (R29, A18). */
  readonly batchPaused: boolean;
  /** How many workers a partition may have at once (R30). 0: none. Undefined: as many as like. */
  readonly capPerPartition?: number | undefined;
}

/** `user-facing` goes on while batch is paused (R29). */
export type Flow = 'batch' | 'user-facing';

/**
 * Undefined: no cap. Without a policy nothing is paused or capped: the lease alone keeps two revisions apart. Throws `TypeError` for
 * what is no policy, such as a promise of one: it would pause nothing.
 */
export function maxWorkersOf(policy: PartitionPolicy | undefined, flow: Flow): number | undefined {
  if (policy === undefined) return undefined;
  const { batchPaused, capPerPartition: cap } = policy;
  if (typeof (batchPaused as unknown) !== 'boolean' || (cap !== undefined && !(Number.isInteger(cap) && cap >= 0)))
    throw new TypeError(
      `options.policy gave ${policy instanceof Promise ? 'a promise' : JSON.stringify(policy)}, expected {batchPaused, capPerPartition}, capPerPartition a whole number from 0 or undefined`,
    );
  return flow === 'batch' && batchPaused ? 0 : cap;
}
