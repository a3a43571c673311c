/** What a service takes from the release record. Without a record nothing is paused, capped or revoked. */
import type { ReleaseRecord } from '../../domain/release-record.js';
import { differences } from '../../domain/schema-pins.js';
import type { Ramp, Revision, SchemaPins } from '../../domain/words.js';
import type { PartitionPolicy } from '../partitions/policy.js';

type Known = ReleaseRecord | undefined;

/** For `consumePartition` and `bullConsumer`: `policy: () => policyOf(release.current().record)`. */
export function policyOf(record: Known): PartitionPolicy {
  if (record === undefined) return { batchPaused: false };
  const { batchPaused, capPerPartition } = record;
  return capPerPartition === undefined ? { batchPaused } : { batchPaused, capPerPartition };
}

/** The revision that serves exactly these pins (A16), stable before the candidate. One that was rolled back serves nobody. */
export function revisionForPins(record: Known, pins: SchemaPins): Revision | undefined {
  return [record?.revisions.stable, record?.revisions.candidate].find(
    (revision) => revision?.schemaPins !== undefined && differences(pins, revision.schemaPins).length === 0,
  );
}

/** Whether a pin that names this ramp is void. A ramp that the record does not know yet is not. */
export function isRevoked(record: Known, ramp: Pick<Ramp, 'id'> & Partial<Pick<Ramp, 'epoch'>>): boolean {
  if (record === undefined) return false;
  return record.revoked.includes(ramp.id) || (ramp.epoch !== undefined && ramp.epoch < record.ramp.epoch);
}

/** How long keys live that are written now, in milliseconds (R20, A13); both times are the store's. */
export const keepKeysForMs = (record: Known): number =>
  record === undefined ? 0 : Math.max(record.keepKeysUntil - record.updatedAt, 0);
