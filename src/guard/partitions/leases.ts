/**
 * The port to the leases of queue partitions (R28, A1). What is locked is the partition; the release and the revision are
 * attributes of its holder, or else old and new would have two different locks and both would drain it.
 *
 * - L1 All living leases of a partition are of one release and revision, and of one epoch.
 * - L2 The epoch of a partition only grows. It grows whenever somebody joins of whom nobody else's lease is alive.
 * - L3 A lease that lapsed, was left or was replaced is never alive again, and nothing that it fences is accepted.
 * - L4 At most `maxWorkers` leases are given out; who is over a cap that was lowered is told so at its next renewal.
 *
 * All times are the store's own. Every operation is atomic and may be repeated. Errors mean "the store cannot say".
 */
import { checkedTime } from '../spec.js';

export interface Partition {
  readonly queue: string;
  readonly partition: string;
}

/** Whose code works on a partition. */
export interface PartitionOwner {
  readonly release: string;
  readonly revision: string;
}

export interface Joining extends PartitionOwner {
  /** Of one process only. The same worker that joins again replaces its lease, so that a join may be repeated. */
  readonly worker: string;
  readonly leaseMs: number;
  /** 0: paused (R29). Undefined: no cap. */
  readonly maxWorkers: number | undefined;
}

export interface PartitionLease extends Partition, PartitionOwner {
  readonly worker: string;
  readonly leaseMs: number;
  /** Grows with every new holder: a fence for what is written elsewhere. */
  readonly epoch: number;
  /** Of this lease only. */
  readonly token: string;
}

/** Who is in the way. */
export interface PartitionHolder extends PartitionOwner {
  readonly epoch: number;
  readonly workers: number;
}

export type Joined =
  | { readonly kind: 'joined'; readonly lease: PartitionLease }
  /** Whoever is in the way is gone in `retryMs`, unless it renews. */
  | {
      readonly kind: 'waits';
      readonly why: 'other-revision' | 'full';
      readonly retryMs: number;
      readonly holder: PartitionHolder;
    }
  | { readonly kind: 'waits'; readonly why: 'paused' };

/** `surplus`: it holds, and so many others do that it is to leave after its present job. */
export type Renewed = 'held' | 'surplus' | 'lost';

export interface PartitionLeases {
  /** Throws `TypeError` or `RangeError` for what cannot be meant. */
  join(partition: Partition, joining: Joining): Promise<Joined>;
  /** For another `leaseMs`. */
  renew(lease: PartitionLease, maxWorkers: number | undefined): Promise<Renewed>;
  /** False: it was lost before. */
  leave(lease: PartitionLease): Promise<boolean>;
}

/** `stale`: the lease is no longer alive, and nothing was written. */
export type Fenced<Value> = { readonly kind: 'written'; readonly value: Value } | { readonly kind: 'stale' };

const isOfOneOwner = (one: PartitionOwner, other: PartitionOwner): boolean =>
  one.release === other.release && one.revision === other.revision;

/** Of the same revision one worker has to go, of another all. */
export function waitsFor(
  holder: PartitionHolder,
  joining: PartitionOwner,
  goneMs: { readonly one: number; readonly all: number },
): Joined {
  const isFull = isOfOneOwner(holder, joining);
  return { kind: 'waits', why: isFull ? 'full' : 'other-revision', retryMs: isFull ? goneMs.one : goneMs.all, holder };
}

/** By how many workers come before this one, in an order that all agree on; undefined if its lease was lost. */
export function renewedFrom(before: number | undefined, maxWorkers: number | undefined): Renewed {
  if (before === undefined) return 'lost';
  return maxWorkers !== undefined && before >= maxWorkers ? 'surplus' : 'held';
}

export function checkedJoining(
  { queue, partition }: Partition,
  { release, revision, worker, leaseMs, maxWorkers }: Joining,
): void {
  for (const [name, value] of Object.entries({ queue, partition, release, revision, worker }))
    if (value === '') throw new TypeError(`a lease of a partition needs a ${name}, and it is empty`);
  checkedTime('leaseMs', leaseMs);
  if (maxWorkers !== undefined && !(Number.isSafeInteger(maxWorkers) && maxWorkers >= 0))
    throw new RangeError(`maxWorkers is ${String(maxWorkers)}, it must be a whole number from 0`);
}
