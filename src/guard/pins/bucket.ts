/** Which users a weight takes, where a service itself shares them out (A17). */
import { createHash } from 'node:crypto';
import { EVERYBODY, type BasisPoints } from '../../domain/words.js';

export interface BucketOf {
  readonly service: string;
  /** Not the ramp: a retry finds the same users, and the next release others. */
  readonly release: string;
  /** A stable id, or a random one from a cookie. */
  readonly user: string;
}

/** From 0 to 9,999: the first 32 bits of the sha256 of `service/release/user`, mod 10,000. The edge's buckets are the same. */
export function bucketOf({ service, release, user }: BucketOf): number {
  return createHash('sha256').update(`${service}/${release}/${user}`).digest().readUInt32BE() % EVERYBODY;
}

/** Monotone: whom a weight takes, every higher one takes. 0 takes nobody and 10,000 everybody. */
export const isTaken = (bucket: number, weight: BasisPoints): boolean => bucket < weight;
