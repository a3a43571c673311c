import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type pg from 'pg';
import { Guard } from '../../../src/guard/guard.js';
import { openPostgresStore, type PostgresStore } from '../../../src/guard/stores/postgres.js';
import { receive } from '../../../src/guard/webhooks/inbox.js';
import { typescriptProgram } from '../../harness/node-program.js';
import { Postgres, withoutPostgres as skip } from '../../harness/postgres.js';
import { runToEnd } from '../../harness/processes.js';
import { untilSeen } from '../../harness/until.js';

let postgres: Postgres;
let pool: pg.Pool;
let guard: Guard<PostgresStore>;
const OPTIONS = { name: 'cms', tenant: 'acme' };

before(async () => {
  if (skip !== false) return;
  postgres = await Postgres.start();
  pool = postgres.pool();
  guard = new Guard({ store: await openPostgresStore(pool, { migrate: true }), revision: 'green' });
  await pool.query('CREATE TABLE effects (key text, worker text); CREATE TABLE docs (id text PRIMARY KEY, rev int)');
});
after(async () => {
  if (skip !== false) return;
  await pool.end();
  await postgres.stop();
});

const deliver = async (sourceId: string, eventRev: number): Promise<string> => {
  const end = await receive(guard, OPTIONS, { sourceId, eventRev, indexHash: 'a' }, async (db) => {
    await db.query('INSERT INTO docs (id, rev) VALUES ($1, $2) ON CONFLICT (id) DO UPDATE SET rev = excluded.rev', [
      sourceId,
      eventRev,
    ]);
  });
  return end.kind === 'refused' ? end.refusal.kind : end.kind;
};
const revisionOf = async (sourceId: string): Promise<number | undefined> => {
  const { rows } = await pool.query<{ rev: number }>('SELECT rev FROM docs WHERE id = $1', [sourceId]);
  return rows[0]?.rev;
};

test('revisions 1, 3, 2 of a source end at 3 (X21)', { skip }, async () => {
  assert.deepEqual([await deliver('d', 1), await deliver('d', 3), await deliver('d', 2)], ['applied', 'applied', 'overtaken']);
  assert.equal(await revisionOf('d'), 3);
  assert.deepEqual([await deliver('d', 2), await deliver('d', 3)], ['repeated', 'repeated']);
});

test('twenty revisions at once end at the highest, whatever their order', { skip, timeout: 60_000 }, async () => {
  const revisions = Array.from({ length: 20 }, (_, index) => index).sort((a, b) => ((a * 7) % 20) - ((b * 7) % 20));
  const ends = await Promise.all(revisions.map((revision) => deliver('many', revision)));
  assert.ok(ends.every((end) => end === 'applied' || end === 'overtaken'));
  assert.equal(await revisionOf('many'), 19);
});

test('a handler that throws moves nothing: neither the source’s head nor the event', { skip }, async () => {
  const failing = receive(guard, OPTIONS, { sourceId: 'f', eventRev: 5, indexHash: 'a' }, () => {
    throw new Error('not now');
  });
  await assert.rejects(failing, /not now/);
  assert.deepEqual([await deliver('f', 4), await deliver('f', 5)], ['applied', 'applied']);
});

test(
  'one event delivered five times across a flip to a new index hash, with kills in the middle, has one effect (R36)',
  { skip, timeout: 240_000 },
  async () => {
    const deliveries = [
      ['old', 'after effect'],
      ['old', 'before commit'],
      ['new', 'after seal'],
      ['new', 'after commit'],
      ['old', 'none'],
    ];
    let said = '';
    for (const [indexHash = '', step = ''] of deliveries) {
      const name = `delivery to ${indexHash}`;
      const program = typescriptProgram(new URL('./inbox-main.ts', import.meta.url), [postgres.url, indexHash, step]);
      // A sender that is told to come again does so.
      const { stdout, signal } = await untilSeen(
        () => runToEnd({ name, file: process.execPath, arguments: program }, { withinMs: 60_000 }),
        (end) => end.stdout !== 'refused\n',
        { withinMs: 120_000, what: 'the lease of the killed delivery to lapse' },
      );
      assert.equal(signal, step === 'none' ? null : 'SIGKILL');
      said = stdout;
    }
    assert.equal(said, 'repeated\n');
    const { rows } = await pool.query('SELECT worker FROM effects');
    assert.deepEqual(rows, [{ worker: 'old' }]);
  },
);
