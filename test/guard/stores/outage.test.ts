/** Real servers that die and come back: requests are refused in time, nothing runs meanwhile, and nobody restarts the service. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Guard, type RunResult } from '../../../src/guard/guard.js';
import { Postgres, withoutPostgres } from '../../harness/postgres.js';
import { Redis, withoutRedis } from '../../harness/redis.js';
import { untilSeen } from '../../harness/until.js';
import { openTestStore } from '../open-test-store.js';
import { outcome, spec } from '../support.js';

const LIMIT_MS = 1_000;

async function outage(kind: string, server: Postgres | Redis, remembers: boolean): Promise<void> {
  const { store, close } = await openTestStore(kind, server.url);
  const guard = new Guard({ store, revision: 'green', storeTimeoutMs: LIMIT_MS });
  let effects = 0;
  const ask = (key: string): Promise<RunResult> =>
    guard.run(spec({ scope: { ...spec().scope, key } }), () => {
      effects++;
      return outcome();
    });
  assert.equal((await ask('before')).kind, 'executed');
  await server.kill();
  const begun = performance.now();
  const all = await Promise.all(Array.from({ length: 20 }, (_, index) => ask(`meanwhile-${String(index)}`)));
  assert.ok(performance.now() - begun < 5 * LIMIT_MS, 'a request hung');
  assert.ok(all.every((end) => end.kind === 'refused' && end.refusal.kind === 'store-down' && end.refusal.effect === 'none'));
  assert.equal(effects, 1);
  await server.start();
  // Claims that were on their way when the server died must not count as attempts.
  const again = await untilSeen(
    () => ask('meanwhile-0'),
    ({ kind: end }) => end !== 'refused',
    { withinMs: 20_000, what: 'a request to be carried out again' },
  );
  assert.ok(again.kind === 'executed' && again.attempt === 1);
  assert.equal((await ask('before')).kind, remembers ? 'replayed' : 'executed');
  await close();
  await server.stop();
}

test(
  'postgres: dies under requests, and after its return remembers what was sealed',
  { skip: withoutPostgres, timeout: 90_000 },
  async () => {
    await outage('postgres', await Postgres.start(), true);
  },
);

test(
  'redis: dies under requests, and one that keeps nothing on disk has forgotten',
  { skip: withoutRedis, timeout: 90_000 },
  async () => {
    await outage('redis', await Redis.start(), false);
  },
);
