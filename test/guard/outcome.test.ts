import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkedOutcome, type Outcome } from '../../src/guard/outcome.js';
import { maxWorkersOf, type PartitionPolicy } from '../../src/guard/partitions/policy.js';
import { resolve } from '../../src/guard/spec.js';

const BYTES = { kind: 'bytes', bytes: Buffer.from('{}') } as const;

test('what no answer can be is no outcome, whatever it looks like', () => {
  const whole: Outcome = { status: 200, headers: { location: '/1' }, body: BYTES };
  assert.equal(checkedOutcome(whole, 'guard.tx'), whole);
  for (const wrong of [
    { ...whole, status: 100 },
    { ...whole, status: 99 },
    { ...whole, status: 1_000 },
    { ...whole, status: 200.5 },
    { ...whole, headers: { location: 5 } },
    { ...whole, headers: null },
    { ...whole, body: { kind: 'banana' } },
    { ...whole, body: { kind: 'bytes', bytes: 'text' } },
    { ...whole, body: undefined },
  ])
    assert.throws(() => checkedOutcome(wrong, 'guard.tx'), /guard\.tx returned is no outcome/, JSON.stringify(wrong));
});

test('a run without a fingerprint is a mistake of the program, and no store that is away', () => {
  const scope = { tenant: 't', method: 'POST', route: '/orders', key: 'k' };
  for (const fingerprint of [undefined, '', 5] as unknown as string[])
    assert.throws(() => resolve({ scope, fingerprint }), /the fingerprint is missing/);
});

test('a promise is no policy, since it would pause nothing, and neither is a cap that is no number', () => {
  const policies = [Promise.resolve({ batchPaused: true }), { batchPaused: 'yes' }, { batchPaused: false, capPerPartition: -1 }];
  for (const policy of policies as unknown as PartitionPolicy[])
    assert.throws(() => maxWorkersOf(policy, 'batch'), /options\.policy gave .*, expected \{batchPaused, capPerPartition\}/);
  assert.equal(maxWorkersOf({ batchPaused: true, capPerPartition: 2 }, 'user-facing'), 2);
});
