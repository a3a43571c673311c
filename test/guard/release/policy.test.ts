import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ReleaseRecord } from '../../../src/domain/release-record.js';
import { isRevoked, keepKeysForMs, policyOf, revisionForPins } from '../../../src/guard/release/policy.js';
import { directiveWith } from '../../domain/directives.js';

const HOUR_MS = 3_600_000;

function recordWith(overrides: Partial<ReleaseRecord> = {}): ReleaseRecord {
  const { keepKeysForMs: keep, weightBp: _weight, ...policy } = directiveWith();
  return { ...policy, updatedAt: 1_000, keepKeysUntil: 1_000 + keep, ...overrides };
}

test('without a record nothing is paused, capped, routed, revoked or kept', () => {
  assert.deepEqual(policyOf(undefined), { batchPaused: false });
  assert.equal(revisionForPins(undefined, { schemaRev: 1, indexHash: 'i', modelTag: 'm' }), undefined);
  assert.equal(isRevoked(undefined, { id: 'r~1', epoch: 1 }), false);
  assert.equal(keepKeysForMs(undefined), 0);
});

test('batch and its cap are as the record says', () => {
  assert.deepEqual(policyOf(recordWith()), { batchPaused: true });
  assert.deepEqual(policyOf(recordWith({ batchPaused: false, capPerPartition: 4 })), { batchPaused: false, capPerPartition: 4 });
});

test('pins lead to the revision that serves exactly them, and to one that was rolled back no more', () => {
  const record = recordWith();
  const { stable, candidate } = record.revisions;
  assert.ok(stable.schemaPins && candidate?.schemaPins);
  assert.equal(revisionForPins(record, stable.schemaPins)?.id, 'blue');
  assert.equal(revisionForPins(record, candidate.schemaPins)?.id, 'green');
  assert.equal(revisionForPins(record, { ...candidate.schemaPins, modelTag: 'm2' }), undefined);
  assert.equal(revisionForPins(recordWith({ revisions: { stable } }), candidate.schemaPins), undefined);
  assert.equal(
    revisionForPins(recordWith({ revisions: { stable: { id: 'blue', release: 'r1' } } }), stable.schemaPins),
    undefined,
  );
});

test('a ramp is revoked by its name or by a higher epoch, and one that is not known yet is not', () => {
  const record = recordWith({ revoked: ['r~1', 'r~2'] });
  assert.ok(isRevoked(record, { id: 'r~1' }));
  assert.ok(isRevoked(record, { id: 'long ago', epoch: record.ramp.epoch - 1 }));
  assert.ok(!isRevoked(record, { id: record.ramp.id, epoch: record.ramp.epoch }));
  assert.ok(!isRevoked(record, { id: 'r~9', epoch: record.ramp.epoch + 1 }));
});

test('how long keys live is the span of two times of one clock, whatever the service thinks the time is', () => {
  assert.equal(keepKeysForMs(recordWith()), 96 * HOUR_MS);
  assert.equal(keepKeysForMs(recordWith({ keepKeysUntil: 0 })), 0);
});
