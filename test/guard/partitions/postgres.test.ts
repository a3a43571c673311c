import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openPostgresPartitions } from '../../../src/guard/partitions/postgres.js';
import { withoutPostgres as skip } from '../../harness/postgres.js';
import { until } from '../../harness/until.js';
import { stepThrough } from '../stepping.js';
import { gate } from '../support.js';
import { anyPartition, BLUE, GREEN, joining, leaseOf, partitionConformance } from './conformance.js';
import { postgresStage, type PostgresStage } from './stages.js';

let stage: PostgresStage;

partitionConformance('postgres', async () => (stage = await postgresStage()), skip);

test('between the last look at the lease and the commit nobody takes the partition over', { skip }, async () => {
  const { leases, pool } = stage;
  const partition = anyPartition();
  const lease = leaseOf(await leases.join(partition, joining(BLUE)));
  const db = await pool.connect();
  await db.query('BEGIN');
  assert.equal(await leases.holds(db, lease), true);
  let hasLeft = false;
  const left = leases.leave(lease).then(() => (hasLeft = true));
  const isBlocked = async (): Promise<boolean> => {
    // Through the transaction's own session, which must not be idle for a second.
    const { rows } = await db.query("SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock'");
    return rows.length === 1;
  };
  await until(isBlocked, { withinMs: 10_000, what: 'the leave to wait for the transaction' });
  assert.equal(hasLeft, false);
  await db.query('COMMIT');
  db.release();
  await left;
  assert.equal(leaseOf(await leases.join(partition, joining(GREEN))).epoch, 2);
});

test('a transaction that stops between the two is ended after a second, however long the lease', { skip }, async () => {
  const { leases, pool } = stage;
  await pool.query('CREATE TABLE effects (key text, worker text)');
  const lease = leaseOf(await leases.join(anyPartition(), joining(BLUE, { leaseMs: 600_000 })));
  const reached = gate();
  const { opened, open } = gate();
  const stalled = leases.within(lease, (db) =>
    stepThrough(
      db,
      async (name) => {
        if (name !== 'before commit') return;
        reached.open();
        await opened;
      },
      'stalled',
      'blue',
    ),
  );
  await reached.opened;
  const begun = performance.now();
  assert.equal(await leases.leave(lease), true);
  assert.ok(performance.now() - begun < 10_000);
  open();
  await assert.rejects(stalled);
  const { rows } = await pool.query('SELECT FROM effects');
  assert.deepEqual(rows, []);
});

test('the schema holds the tables of the guard, and one that lacks them is an error that says what to do', { skip }, async () => {
  await assert.rejects(openPostgresPartitions(stage.pool, { schema: 'empty' }), /lacks the migrations .*: run migratePostgres/);
});
