/**
 * What services see of rollouts: the real worker writes the release record into a real PostgreSQL, and a guard beside it reads it
 * while users move through HAProxy.
 */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type pg from 'pg';
import { Guard } from '../../src/guard/guard.js';
import { isRevoked, keepKeysForMs, policyOf, revisionForPins } from '../../src/guard/release/policy.js';
import { postgresReleases } from '../../src/guard/release/postgres.js';
import { openReleaseRecord, type ReleaseReader } from '../../src/guard/release/reader.js';
import { openPostgresStore, type PostgresStore } from '../../src/guard/stores/postgres.js';
import { storeKey } from '../../src/guard/keys.js';
import { Load } from '../harness/load.js';
import { Postgres, withoutPostgres } from '../harness/postgres.js';
import { until } from '../harness/until.js';
import { ENVIRONMENT, Plant, ROLLOUT, SERVICE } from './plant.js';

const DAY_MS = 24 * 3_600_000;
const BATCH = 'queues: guards\nbatch: {capPerPartition: 4}';

let postgres: Postgres;
let pool: pg.Pool;
let store: PostgresStore;
let plant: Plant;
let release: ReleaseReader;
let load: Load;
before(async () => {
  if (withoutPostgres !== false) return;
  postgres = await Postgres.start();
  pool = postgres.pool();
  store = await openPostgresStore(pool, { migrate: true });
  plant = await Plant.start({ guards: postgres.url });
  release = await openReleaseRecord({
    source: postgresReleases(pool),
    target: { service: SERVICE, environment: ENVIRONMENT },
    cacheMs: 1_000,
    timeoutMs: 10_000,
  });
  load = new Load({
    url: plant.stage.haproxy.url,
    requestsPerSecond: 200,
    concurrency: 16,
    atMost: { requests: 100_000, ms: 400_000 },
  });
});
after(async () => {
  if (withoutPostgres !== false) return;
  await load.stop();
  await release.close();
  await plant.stop();
  await pool.end();
  await postgres.stop();
});

/** `<weight> paused` and `<weight> runs`, each once, in the order in which router and guard said so together. */
async function watchWhile(running: Promise<unknown>): Promise<readonly string[]> {
  const seen: string[] = [];
  const over = new AbortController();
  const end = running.finally(() => {
    over.abort();
  });
  while (!over.signal.aborted) {
    const before = await weight();
    const batch = policyOf(release.current().record).batchPaused ? 'paused' : 'runs';
    const now = `${String(before)} ${batch}`;
    if (before !== undefined && before === (await weight()) && seen.at(-1) !== now) seen.push(now);
  }
  await end;
  return seen;
}

/** Basis points; undefined: no route. */
/** What users get: what was written for a ramp that is revoked brings nobody anywhere. */
async function weight(): Promise<number | undefined> {
  const { route, revoked } = await plant.stage.haproxy.route();
  if (revoked !== 'no') return 0;
  const written = /:(\d+):/.exec(route)?.[1];
  return written === undefined ? undefined : Number(written);
}

const options = { skip: withoutPostgres };

test('batch is paused from 1 to 25 % and runs from 50 % on; keys of a rollout outlive it', options, async () => {
  const climb = plant.sluice(['start', plant.rolloutFile('green', BATCH), '--watch']);
  const keys = (async () => {
    await until(() => release.current().record?.phase === 'climbing', { withinMs: 60_000, what: 'the record of the ramp' });
    const scope = { tenant: 'acme', method: 'POST', route: '/orders', key: 'k' };
    const guard = new Guard({ store, revision: 'blue', release, storeTimeoutMs: 10_000 });
    await guard.run({ scope, fingerprint: 'f', retainMs: DAY_MS }, () => ({
      status: 201,
      headers: {},
      body: { kind: 'bytes', bytes: new Uint8Array() },
    }));
    const { rows } = await pool.query<{ ms: number }>(
      'SELECT (extract(epoch FROM keep_until - clock_timestamp()) * 1000)::float8 AS ms FROM sluice_guard.claims WHERE key = $1',
      [storeKey(scope)],
    );
    return { keptMs: rows[0]?.ms ?? NaN, askedMs: keepKeysForMs(release.current().record) };
  })();
  const seen = await watchWhile(climb);
  const ended = await climb;
  assert.equal(ended.code, 0, ended.stdout + ended.stderr);

  assert.match(
    seen.join(', '),
    /100 paused, 500 paused, 2500 paused, (2500 runs, )?(5000 paused, )?5000 runs, 10000 runs/,
    'router and guard together',
  );
  assert.doesNotMatch(seen.join(', '), /\b(100|500) runs/);
  const { keptMs, askedMs } = await keys;

  const { record, readable } = release.current();
  assert.ok(record && readable);
  const { identity } = plant.stage.green;
  assert.deepEqual([record.phase, record.capPerPartition, record.releaseId], ['promoted', 4, identity.releaseId]);
  assert.deepEqual([record.revisions.stable.id, record.revisions.candidate], ['green', undefined]);
  assert.equal(revisionForPins(record, identity.schemaPins)?.id, 'green');
  assert.ok(isRevoked(record, record.ramp));
  // A rehearsal rests for minutes at most; what the route asked for, a day, is less all the same.
  const overMs = keepKeysForMs(record);
  assert.ok(DAY_MS < overMs && overMs < askedMs && overMs < keptMs && keptMs <= askedMs, `${overMs} ${keptMs} ${askedMs}`);
  await plant.judge();
});

test(
  'a rollback in the first steps lets batch run again, and the revision that failed has no pins any more',
  options,
  async () => {
    await until(async () => (await plant.stage.haproxy.route()).stable === 'green', { withinMs: 10_000, what: 'the promotion' });
    const epoch = release.current().record?.ramp.epoch ?? NaN;
    const attempt = plant.sluice(['start', plant.rolloutFile('blue', `${BATCH}\nretry: {max: 0}`), '--watch']);
    const failing = (async () => {
      await until(async () => (await weight()) === 500, { withinMs: 120_000, what: '5 %' });
      await plant.stage.blue.behave({ errors: { kind: 'even', share: 0.5 } });
    })();
    const seen = await watchWhile(attempt);
    await failing;
    const ended = await attempt;
    assert.equal(ended.code, 2, ended.stdout + ended.stderr);
    assert.match(seen.join(', '), /100 paused, 500 paused, (0 paused, )?0 runs$/);
    const { record } = release.current();
    assert.ok(record);
    assert.deepEqual([record.phase, record.batchPaused], ['rolled-back', false]);
    assert.deepEqual([record.revisions.stable.id, record.revisions.candidate], ['green', undefined]);
    assert.ok(record.ramp.epoch > epoch && isRevoked(record, { id: record.ramp.id }));
    await plant.judge();
  },
);

test('terminated while batch is paused, the janitor revokes the ramp and lets batch run again', options, async () => {
  await until(async () => (await plant.stage.haproxy.route()).stable === 'green', {
    withinMs: 10_000,
    what: 'green to be stable',
  });
  await plant.stage.blue.behave({ errors: { kind: 'none' } });
  const started = await plant.sluice(['start', plant.rolloutFile('blue', `${BATCH}\nsteps: [{weight: 1, soak: 10m}, 100]`)]);
  assert.equal(started.code, 0, started.stdout + started.stderr);
  await until(async () => (await weight()) === 100 && policyOf(release.current().record).batchPaused, {
    withinMs: 120_000,
    what: '1 % with batch paused',
  });
  const epoch = release.current().record?.ramp.epoch;
  for (const words of [
    ['workflow', 'terminate', '--workflow-id', ROLLOUT, '--reason', 'somebody did not read the manual'],
    // It comes once a minute; nobody has to wait for that here.
    ['schedule', 'trigger', '--schedule-id', 'sluice-janitor'],
  ]) {
    const { code, stderr } = await plant.temporal.run(words);
    assert.equal(code, 0, stderr);
  }
  await until(() => !policyOf(release.current().record).batchPaused, { withinMs: 150_000, what: 'batch to run again' });
  const { record } = release.current();
  assert.ok(record, 'a record');
  assert.deepEqual([record.phase, record.ramp.epoch, record.revisions.stable.id], ['rolled-back', epoch, 'green']);
  assert.ok(isRevoked(record, record.ramp), 'the ramp is powerless');
  assert.notEqual((await plant.stage.haproxy.route()).revoked, 'no');
});
