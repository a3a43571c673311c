import { createHash } from 'node:crypto';
import { EVERYBODY } from '../../domain/words.js';

/**
 * A user's bucket for the ramps of one release (A17): `hash(service/release/user) mod 10,000`. Salted by the release, so that
 * a retry finds the same users, and the next release others. The release is the ramp's id up to `~`.
 */
export function bucketOf(service: string, ramp: string, user: string): number {
  const [release = ''] = ramp.split('~');
  return createHash('sha256').update(`${service}/${release}/${user}`).digest().readUInt32BE() % EVERYBODY;
}
