import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import type pg from 'pg';
import { openPostgresStore, type PostgresStore } from '../../../src/guard/stores/postgres.js';
import { migratePostgres } from '../../../src/guard/stores/postgres-migrations.js';
import { Postgres, withoutPostgres as skip } from '../../harness/postgres.js';
import { anyKey, claimOf, recordOf, storeConformance } from './conformance.js';

let pool: pg.Pool;

storeConformance(
  'postgres',
  async () => {
    const postgres = await Postgres.start();
    pool = postgres.pool();
    return {
      store: await openPostgresStore(pool, { migrate: true }),
      pass: (ms) => pause(ms),
      stop: async () => {
        await pool.end();
        await postgres.stop();
      },
    };
  },
  skip,
);

test('ten instances that migrate at once apply each migration once', { skip }, async () => {
  await Promise.all(Array.from({ length: 10 }, () => migratePostgres(pool, 'at_once')));
  const { rows } = await pool.query('SELECT name FROM at_once.migrations ORDER BY name');
  assert.deepEqual(rows, [{ name: '1 claims' }, { name: '2 heads' }, { name: '3 releases' }, { name: '4 partitions' }]);
});

test('a database that is behind is an error that says what to do', { skip }, async () => {
  await assert.rejects(
    openPostgresStore(pool, { schema: 'empty' }),
    /lacks the migrations "1 claims", "2 heads", "3 releases", "4 partitions": run migratePostgres/,
  );
});

test('a migration that was edited after it was applied is found', { skip }, async () => {
  await openPostgresStore(pool, { schema: 'edited', migrate: true });
  await pool.query("UPDATE edited.migrations SET checksum = 'another' WHERE name = '1 claims'");
  await assert.rejects(openPostgresStore(pool, { schema: 'edited' }), /"1 claims" in schema "edited" is not the one known here/);
});

test(
  'a history that is longer than the one known here is no error: an older revision runs beside a newer one',
  { skip },
  async () => {
    await openPostgresStore(pool, { schema: 'newer', migrate: true });
    await pool.query("INSERT INTO newer.migrations (name, checksum) VALUES ('9 later', 'x')");
    await openPostgresStore(pool, { schema: 'newer', migrate: true });
  },
);

test('a schema that is no plain name never reaches a statement', { skip }, async () => {
  for (const schema of ['x;DROP TABLE y', 'Upper', '', '"q"'])
    await assert.rejects(openPostgresStore(pool, { schema, migrate: true }), TypeError);
});

test('purging deletes what is past its retention and nothing else', { skip }, async () => {
  const store: PostgresStore = await openPostgresStore(pool, { schema: 'purge', migrate: true });
  const kept = anyKey();
  const claim = claimOf();
  await store.claim(kept, claim);
  await store.complete(kept, claim.token, recordOf(), 60_000);
  for (let index = 0; index < 5; index++) await store.claim(anyKey(), claimOf({ leaseMs: 1, retainMs: 1 }));
  await pause(10);
  assert.equal(await store.purge(2), 2);
  assert.equal(await store.purge(), 3);
  assert.equal((await store.claim(kept, claimOf())).kind, 'done');
});
