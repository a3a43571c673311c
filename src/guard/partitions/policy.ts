/** What the controller allows on a partition, as a service reads it from the release record. */

export interface PartitionPolicy {
  /** Heavy batch rests during the steps up to and including 25 % (R29, A18). */
  readonly batchPaused: boolean;
  /** How many workers a partition may have at once (R30). 0: none. Undefined: as many as like. */
  readonly capPerPartition?: number | undefined;
}

/** `user-facing` goes on while batch is paused (R29). */
export type Flow = 'batch' | 'user-facing';

/** Undefined: no cap. Without a policy nothing is paused or capped: the lease alone keeps two revisions apart. */
export function maxWorkersOf(policy: PartitionPolicy | undefined, flow: Flow): number | undefined {
  if (policy === undefined) return undefined;
  return flow === 'batch' && policy.batchPaused ? 0 : policy.capPerPartition;
}
