/** R18 on HAProxy: users whose id is unsteady are seen to leave the candidate, and the cookie holds them from then on. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { CookieJar } from '../harness/cookie-jar.js';
import { hasFailed, Load, type LoadRecord } from '../harness/load.js';
import { until } from '../harness/until.js';
import { Plant, SERVICE } from './plant.js';

const BROWSERS = 200;

let plant: Plant;
before(async () => {
  plant = await Plant.start();
});
after(async () => {
  await plant.stop();
});

test('users whose id changes between requests are told apart by cookie once that is seen at 25 %, and the release is promoted', async () => {
  const jars = Array.from({ length: BROWSERS }, () => new CookieJar());
  const jarOf = (n: number): CookieJar | undefined => jars[n % BROWSERS];
  let isUnsteady = false;
  const load = new Load({
    url: plant.stage.haproxy.url,
    requestsPerSecond: 300,
    concurrency: 16,
    atMost: { requests: 60_000, ms: 180_000 },
    headers: (n) => ({
      ...jarOf(n)?.headers(),
      'x-user-id': isUnsteady ? `somebody-${String(n)}` : `browser-${String(n % BROWSERS)}`,
    }),
    answered: (n, headers) => jarOf(n)?.keep(headers),
  });
  const routed = async (how: RegExp): Promise<void> => {
    await until(async () => how.test((await plant.stage.haproxy.route()).route), {
      withinMs: 120_000,
      what: `a route ${String(how)}`,
    });
  };
  const turning = (async (): Promise<number> => {
    await routed(/:2500:on:/);
    isUnsteady = true;
    await routed(/:(2500|5000):cookie:/);
    return load.records.length;
  })();
  const ended = await plant.sluice(['start', plant.rolloutFile('green'), '--watch'], 180_000);
  const records = await load.stop();
  assert.equal(ended.code, 0, ended.stdout + ended.stderr);
  const turned = await turning;
  const { stdout } = await plant.sluice(['timeline', SERVICE, '--env', 'test']);
  assert.match(
    stdout,
    /stickiness violated: \d+ of \d+ returning users' requests left the candidate; users are told apart by cookie from now on \(was: user\)/,
  );
  assert.equal(stdout.match(/stickiness violated/g)?.length, 1, 'the cookie held them');
  assert.deepEqual(leavers(records.slice(turned)), [], 'nobody left the candidate again');
  assert.deepEqual(records.filter(hasFailed), []);
  await plant.judge();
});

/** Browsers that were on the candidate and then on stable. */
function leavers(records: readonly LoadRecord[]): readonly number[] {
  const moved = new Set<number>();
  const left = new Set<number>();
  for (const { n, slot } of [...records].sort((one, other) => one.sentAt - other.sentAt)) {
    const browser = n % BROWSERS;
    if (slot === 'green') moved.add(browser);
    else if (moved.has(browser)) left.add(browser);
  }
  return [...left];
}
