/** Services that hardly anybody asks (A24): a rollout says what it waits for, passes on nothing, and does not wait for ever. */
import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import { Load } from '../harness/load.js';
import { until } from '../harness/until.js';
import { Plant, SERVICE } from './plant.js';

let plant: Plant;
before(async () => {
  plant = await Plant.start({ soakMs: 3_000 });
});
after(async () => {
  await plant.stop();
});
afterEach(async () => {
  await plant.judge();
});

const status = async (...more: string[]): Promise<string> =>
  (await plant.sluice(['status', SERVICE, '--env', 'test', ...more])).stdout;

/** What people read of it once this is on the screen. */
const shows = (text: RegExp): Promise<string> =>
  until(
    async () => {
      const screen = await status();
      return text.test(screen) ? screen : undefined;
    },
    { withinMs: 60_000, everyMs: 500, what: String(text) },
  );

test('without any traffic it holds at its first weight, says so and what to do, and ends at its limit', async () => {
  const started = await plant.sluice(['start', plant.rolloutFile('green', 'limits: {idle: 15s}')]);
  assert.equal(started.code, 0, started.stdout + started.stderr);
  const screen = await shows(/no traffic since/);
  assert.match(screen, /send requests, or set idle\.then; rolls back at/);
  assert.match(screen, /step 1\/5 +1 %/);
  const ended = await plant.sluice(['watch', SERVICE, '--env', 'test']);
  assert.equal(ended.code, 2, ended.stdout + ended.stderr);
  assert.match(ended.stdout, /nobody cleared "idle" within its limit/);
});

test('at one request a second it says how much evidence is missing, and never takes little for enough', async () => {
  const load = new Load({ url: plant.stage.haproxy.url, requestsPerSecond: 1, atMost: { requests: 200, ms: 180_000 } });
  const started = await plant.sluice([
    'start',
    plant.rolloutFile('green', 'limits: {inconclusive: 10s, idle: 60s}\nsoakMax: 10s'),
    '--again',
  ]);
  assert.equal(started.code, 0, started.stdout + started.stderr);
  const screen = await shows(/too little evidence|no traffic/);
  assert.match(screen, /step 1\/5 +1 %/);
  const ended = await plant.sluice(['watch', SERVICE, '--env', 'test']);
  await load.stop();
  assert.equal(ended.code, 2, ended.stdout + ended.stderr);
  assert.match(ended.stdout, /nobody cleared "(inconclusive|idle)" within its limit/);
  assert.ok(
    load.records.every(({ failure }) => failure === undefined),
    'and nobody was harmed by it',
  );
});
