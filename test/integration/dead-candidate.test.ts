/** I8 on HAProxy: a candidate without live servers gets no draw, and the rollout says so. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { asRecord } from '../harness/workflow-history.js';
import { Load } from '../harness/load.js';
import { until } from '../harness/until.js';
import { Plant, SERVICE } from './plant.js';

const ALARM = 'the candidate green has no live servers, so that nobody is sent to it';

let plant: Plant;
before(async () => {
  plant = await Plant.start();
});
after(async () => {
  await plant.stop();
});

const users = (requests: number): Load =>
  new Load({ url: plant.stage.haproxy.url, requestsPerSecond: 100, atMost: { requests, ms: 120_000 } });

const timeline = async (): Promise<string> => (await plant.sluice(['timeline', SERVICE, '--env', 'test'])).stdout;

test('a candidate whose servers are gone at 50 % gets nobody, no request fails, and the timeline tells it and takes it back', async () => {
  const before = users(20_000);
  const started = await plant.sluice(['start', plant.rolloutFile('green', 'steps: [{weight: 50, soak: 10m}, 100]')]);
  assert.equal(started.code, 0, started.stdout + started.stderr);
  await until(() => before.records.some(({ slot, why }) => slot === 'green' && why !== 'pin'), {
    withinMs: 120_000,
    what: 'users on the candidate',
  });
  // Nobody asks while it dies: what breaks then is the errors gate's business.
  await before.stop();
  await plant.stage.green.stop();
  await until(async () => asRecord((await plant.stage.haproxy.route()).raw['nbsrv'])['green'] === 0, {
    withinMs: 30_000,
    what: 'HAProxy to see that the server is gone',
  });
  const records = await users(300).finished;
  assert.ok(records.some(({ why }) => why === 'candidate-down'));
  assert.deepEqual(
    records.filter(({ slot, status }) => slot !== 'blue' || status !== 200),
    [],
  );
  await until(async () => (await timeline()).includes(`alarm: ${ALARM}`), { withinMs: 60_000, everyMs: 500, what: 'the alarm' });
  await plant.stage.green.start();
  await until(async () => (await timeline()).includes(`no longer: ${ALARM}`), {
    withinMs: 60_000,
    everyMs: 500,
    what: 'its end',
  });
});
