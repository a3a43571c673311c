/**
 * A rollout that is decided by what the services' own guards count: two revisions behind `sluice/guard`, clients that send every
 * order twice, and nothing but `from: guard` to judge by.
 */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { hasFailed, Load } from '../harness/load.js';
import { Redis, withoutRedis } from '../harness/redis.js';
import type { GuardedSettings } from './guarded-service-main.js';
import { Plant, SERVICE } from './plant.js';

const PROGRAM = new URL('./guarded-service-main.ts', import.meta.url);
const GATES = 'metrics: guards\ngates: {latency: {mode: observe}, dedupe: {required: true}}';
/** Requests between an order and its repetition: at every weight some are repeated on the other revision. */
const REPEATED_AFTER = 101;

const options = { skip: withoutRedis };
let redis: Redis;
before(async () => {
  if (withoutRedis === false) redis = await Redis.start();
});
after(async () => {
  if (withoutRedis === false) await redis.stop();
});

/** A plant whose slots run the guarded service, each with the guard's keys under the prefix of its slot. */
function guardedPlant(prefixes: Readonly<Record<'blue' | 'green', string>>): Promise<Plant> {
  const settings = (prefix: string): GuardedSettings => ({ service: SERVICE, redis: redis.url, prefix });
  return Plant.start({
    run: {
      blue: { program: PROGRAM, settings: settings(prefixes.blue) },
      green: { program: PROGRAM, settings: settings(prefixes.green) },
    },
  });
}

/** Every order is sent twice: the even requests are new ones, the odd ones repeat what was sent before. */
const orders = (plant: Plant, run: string): Load =>
  new Load({
    url: plant.stage.haproxy.url,
    path: '/orders',
    method: 'POST',
    body: '{"article":"a-100"}',
    headers: (n) => {
      const order = n % 2 === 0 ? n : Math.max(n - REPEATED_AFTER, 0);
      return { 'content-type': 'application/json', 'idempotency-key': `${run}-${String(order)}` };
    },
    requestsPerSecond: 200,
    concurrency: 16,
    atMost: { requests: 60_000, ms: 180_000 },
  });

/** What a guard's page says of all releases together, for `sluice_guard_events_total` of this kind. */
async function counted(plant: Plant, slot: 'blue' | 'green', kind: string): Promise<number> {
  const page = await (await fetch(`${plant.stage[slot].url}/metrics`)).text();
  const found = page
    .split('\n')
    .filter((line) => line.startsWith('sluice_guard_events_total{') && line.includes(`kind="${kind}"`));
  assert.ok(found.length > 0, page);
  return found.reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0);
}

test(
  'a healthy release is promoted on what the guards count: retries across the flip are answered from the record',
  options,
  async () => {
    const plant = await guardedPlant({ blue: 'orders:', green: 'orders:' });
    try {
      const load = orders(plant, 'healthy');
      const ended = await plant.sluice(['start', plant.rolloutFile('green', GATES), '--watch']);
      const { stdout } = await plant.sluice(['status', SERVICE, '--env', 'test', '-o', 'json']);
      const records = await load.stop();
      assert.equal(ended.code, 0, ended.stdout + ended.stderr);
      assert.equal((await plant.stage.haproxy.route()).stable, 'green');
      assert.match(stdout, /dedupe: 0 misses in [1-9]\d* replays/);
      const { result } = JSON.parse(stdout) as { readonly result: { readonly gatesInForce: readonly string[] } };
      assert.deepEqual(result.gatesInForce, ['errors', 'latency', 'cold-starts', 'dedupe']);
      assert.deepEqual(records.filter(hasFailed), []);
      for (const slot of ['blue', 'green'] as const) {
        assert.ok((await counted(plant, slot, 'replayed')) > 0, slot);
        assert.equal(await counted(plant, slot, 'duplicate-effect'), 0, slot);
      }
      await plant.judge();
    } finally {
      await plant.stop();
    }
  },
);

test(
  'a candidate whose guard asks another store repeats effects, and the dedupe gate puts it back at once',
  options,
  async () => {
    const plant = await guardedPlant({ blue: 'orders:', green: 'elsewhere:' });
    try {
      const load = orders(plant, 'broken');
      const ended = await plant.sluice(['start', plant.rolloutFile('green', `${GATES}\nretry: {max: 0}`), '--watch']);
      await load.stop();
      assert.equal(ended.code, 2, ended.stdout + ended.stderr);
      assert.match(ended.stdout, /rollback: dedupe: .*a side effect happened twice\. Failed after/);
      const { stable, route } = await plant.stage.haproxy.route();
      assert.equal(stable, 'blue');
      assert.match(route, /:0:/);
      // Whoever comes second counts it, and an order may come to either revision first.
      const repeated = await Promise.all((['blue', 'green'] as const).map((slot) => counted(plant, slot, 'duplicate-effect')));
      assert.ok(Math.max(...repeated) > 0, `counted by blue and green: ${repeated.join(', ')}`);
      await plant.judge();
    } finally {
      await plant.stop();
    }
  },
);
