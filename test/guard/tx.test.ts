/** `guard.tx` on a real PostgreSQL: effect and record are one transaction. */
import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import type pg from 'pg';
import type { GuardEvent } from '../../src/guard/events.js';
import { Guard } from '../../src/guard/guard.js';
import type { Outcome } from '../../src/guard/outcome.js';
import { openPostgresStore, type PostgresStore } from '../../src/guard/stores/postgres.js';
import { Postgres, withoutPostgres as skip } from '../harness/postgres.js';
import { until } from '../harness/until.js';
import { gate, outcome, spec, textOf } from './support.js';

let postgres: Postgres;
let pool: pg.Pool;
let guard: Guard<PostgresStore>;
let events: GuardEvent[];
const options = { skip, timeout: 60_000 };

before(async () => {
  if (skip !== false) return;
  postgres = await Postgres.start();
  pool = postgres.pool();
  await pool.query(
    'CREATE TABLE orders (id serial PRIMARY KEY, name text, parent int REFERENCES orders DEFERRABLE INITIALLY DEFERRED)',
  );
  const store = await openPostgresStore(pool, { migrate: true });
  guard = new Guard({ store, revision: 'green', onEvent: (event) => events.push(event) });
});
after(async () => {
  if (skip !== false) return;
  await pool.end();
  await postgres.stop();
});
let counter = 0;
let own = spec();
beforeEach(async () => {
  if (skip !== false) return;
  events = [];
  own = spec({ scope: { ...spec().scope, key: `k-${String(++counter)}` } });
  await pool.query('DELETE FROM orders');
});

const order = async (db: pg.PoolClient, name = 'one'): Promise<Outcome> => {
  await db.query('INSERT INTO orders (name) VALUES ($1)', [name]);
  return outcome(201, name);
};
const orders = async (): Promise<string[]> => {
  const { rows } = await pool.query<{ name: string }>('SELECT name FROM orders ORDER BY id');
  return rows.map(({ name }) => name);
};

test('the effect happens once and its answer is replayed', options, async () => {
  assert.equal((await guard.tx(own, (db) => order(db))).kind, 'executed');
  const again = await guard.tx(own, () => assert.fail('it ran'));
  assert.ok(again.kind === 'replayed');
  assert.equal(textOf(again.record.body), 'one');
  assert.equal(again.record.revision, 'green');
  assert.deepEqual(await orders(), ['one']);
});

test('a throw after the effect undoes it, so the retry runs as a first attempt', options, async () => {
  const failing = guard.tx(own, async (db) => {
    await order(db, 'undone');
    throw new Error('after the effect');
  });
  await assert.rejects(failing, /after the effect/);
  assert.deepEqual(await orders(), []);
  const again = await guard.tx(own, (db) => order(db));
  assert.ok(again.kind === 'executed' && again.attempt === 1);
  assert.deepEqual(await orders(), ['one']);
});

test('a function that returns no outcome is told what one is, and its effect is undone', options, async () => {
  for (const returned of ['made', undefined]) {
    const failing = guard.tx(own, async (db) => {
      await order(db, 'undone');
      return returned as unknown as Outcome;
    });
    await assert.rejects(failing, {
      name: 'TypeError',
      message: /^what the function of guard\.tx returned is no outcome \(of type \w+\): expected/,
    });
  }
  assert.deepEqual(await orders(), []);
  const again = await guard.tx(own, (db) => order(db));
  assert.ok(again.kind === 'executed' && again.attempt === 1);
});

test('a 5xx undoes the effect, a 4xx is a result', options, async () => {
  const failed = await guard.tx(own, async (db) => {
    await order(db, 'undone');
    return outcome(503);
  });
  assert.ok(failed.kind === 'executed' && failed.outcome.status === 503);
  assert.deepEqual(await orders(), []);
  await guard.tx(own, () => outcome(422, 'no'));
  const again = await guard.tx(own, () => assert.fail('it ran'));
  assert.ok(again.kind === 'replayed' && again.record.status === 422);
});

test('of many at once one has its effect', options, async () => {
  const all = await Promise.all(Array.from({ length: 10 }, (_, index) => guard.tx(own, (db) => order(db, String(index)))));
  assert.equal(all.filter(({ kind }) => kind === 'executed').length, 1);
  assert.equal((await orders()).length, 1);
});

test('a holder whose lease lapsed and who has a successor is rolled back, whatever it wrote', options, async () => {
  const { opened, open } = gate();
  const wrote = gate();
  const stale = guard.tx(own, async (db) => {
    await order(db, 'stale');
    wrote.open();
    await opened;
    return outcome(201, 'stale');
  });
  await wrote.opened;
  await pool.query('UPDATE sluice_guard.claims SET lease_until = to_timestamp(0)');
  const successor = await guard.tx(own, (db) => order(db, 'successor'));
  assert.ok(successor.kind === 'executed' && successor.attempt === 2);
  open();
  const end = await stale;
  assert.ok(end.kind === 'refused' && end.refusal.kind === 'outstanding');
  assert.deepEqual(await orders(), ['successor']);
});

test('a transaction that idles past half its lease is ended by the server, and blocks nobody', options, async () => {
  const { opened, open } = gate();
  const idle = guard.tx({ ...own, leaseMs: 400 }, async (db) => {
    await order(db, 'idle');
    await opened;
    return outcome();
  });
  await until(async () => (await sessionsIdling()) === 1, { withinMs: 5_000, what: 'the transaction to idle' });
  await until(async () => (await sessionsIdling()) === 0, { withinMs: 5_000, what: 'the server to end it' });
  open();
  await assert.rejects(idle, {
    name: 'TransactionIdle',
    message: /idle for more than 200 ms, half of its lease.*longer leaseMs/,
  });
  assert.deepEqual(await orders(), []);
  assert.equal((await guard.tx(own, (db) => order(db))).kind, 'executed');
});

test('a connection that dies in the middle undoes the effect and harms neither process nor pool', options, async () => {
  const failing = guard.tx(own, async (db) => {
    await order(db, 'undone');
    const { rows } = await db.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
    await pool.query('SELECT pg_terminate_backend($1)', [rows[0]?.pid]);
    await db.query('SELECT 1');
    return outcome();
  });
  await assert.rejects(failing);
  assert.deepEqual(await orders(), []);
  const again = await guard.tx(own, (db) => order(db));
  assert.ok(again.kind === 'executed' && again.attempt === 1);
});

test('a constraint that fails at the commit is an error of the handler, and the key is free', options, async () => {
  const failing = guard.tx(own, async (db) => {
    await db.query("INSERT INTO orders (name, parent) VALUES ('orphan', -1)");
    return outcome();
  });
  await assert.rejects(failing, /foreign key/);
  const again = await guard.tx(own, (db) => order(db));
  assert.ok(again.kind === 'executed' && again.attempt === 1);
});

test('a commit whose answer was lost is reported as unknown, and the next attempt finds what is true', options, async () => {
  const lost = await guard.tx({ ...own, leaseMs: 300 }, async (db) => {
    const answer = await order(db);
    const query = db.query.bind(db) as (...words: unknown[]) => Promise<unknown>;
    const forgetful = async (...words: unknown[]): Promise<unknown> => {
      const result = await query(...words);
      if (words[0] === 'COMMIT') throw new Error('Connection terminated unexpectedly');
      return result;
    };
    Object.assign(db, { query: forgetful });
    return answer;
  });
  assert.ok(lost.kind === 'refused' && lost.refusal.kind === 'store-down' && lost.refusal.effect === 'unknown');
  const again = await guard.tx(own, () => assert.fail('it ran'));
  assert.equal(again.kind, 'replayed');
  assert.deepEqual(await orders(), ['one']);
});

async function sessionsIdling(): Promise<number> {
  const { rows } = await pool.query<{ count: number }>(
    "SELECT count(*)::int AS count FROM pg_stat_activity WHERE state = 'idle in transaction'",
  );
  return rows[0]?.count ?? 0;
}
