import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Guard } from '../../../src/guard/guard.js';
import { fencedTx, StaleLease } from '../../../src/guard/partitions/fenced-tx.js';
import type { PartitionLease } from '../../../src/guard/partitions/leases.js';
import { openPostgresStore } from '../../../src/guard/stores/postgres.js';
import { withoutPostgres as skip } from '../../harness/postgres.js';
import { outcome, spec } from '../support.js';
import { anyPartition, BLUE, GREEN, joining, leaseOf } from './conformance.js';
import { postgresStage } from './stages.js';

test('who lost the partition does nothing and leaves the key to the successor, who does it once', { skip }, async () => {
  const { leases, pool, stop } = await postgresStage();
  const guard = new Guard({ store: await openPostgresStore(pool), revision: 'any' });
  const write = (lease: PartitionLease): ReturnType<typeof fencedTx> =>
    fencedTx(guard, { leases, lease }, spec(), async (db) => {
      await db.query("INSERT INTO written (list, value) VALUES ('l', $1)", [lease.revision]);
      return outcome(201, lease.revision);
    });
  const partition = anyPartition();
  const old = leaseOf(await leases.join(partition, joining(BLUE)));
  await leases.leave(old);
  const successor = leaseOf(await leases.join(partition, joining(GREEN)));
  await assert.rejects(write(old), StaleLease);
  assert.equal((await write(successor)).kind, 'executed');
  assert.equal((await write(old)).kind, 'replayed');
  const { rows } = await pool.query('SELECT value FROM written');
  assert.deepEqual(rows, [{ value: 'green' }]);
  await stop();
});

test('a transaction that fails is rolled back and rejects with its own error; the lease goes on', { skip }, async () => {
  const { leases, pool, stop } = await postgresStage();
  const lease = leaseOf(await leases.join(anyPartition(), joining(BLUE)));
  const failing = leases.within(lease, async (db) => {
    await db.query("INSERT INTO written (list, value) VALUES ('l', 'v')");
    throw new Error('a bad job');
  });
  await assert.rejects(failing, /a bad job/);
  assert.deepEqual(await leases.within(lease, () => Promise.resolve(7)), { kind: 'written', value: 7 });
  const { rows } = await pool.query('SELECT value FROM written');
  assert.deepEqual(rows, []);
  await stop();
});
