/** A whole rollout through the embedded edge, as `sluice dev` runs it, under load and with long streams. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Newcomer } from '../cli/newcomer.js';
import { Load } from '../harness/load.js';
import { isUncut, openStreams } from '../harness/streams.js';
import { until } from '../harness/until.js';

const REQUESTS = 20_000;

test('a release climbs every step through the edge and is promoted; of 20,000 requests none fails, no stream is cut', async () => {
  const newcomer = await Newcomer.start();
  const { url, workplace, place } = newcomer;
  try {
    const load = new Load({
      url,
      requestsPerSecond: 350,
      concurrency: 16,
      atMost: { requests: 4 * REQUESTS, ms: 300_000 },
      headers: (n) => ({ 'x-user-id': `user-${n % 5_000}` }),
    });
    const streams = await openStreams({ url, seconds: 45 }, 5);
    const settings = ['--set', 'profile=rehearsal', '--set', 'gates.latency.mode=observe'];
    const started = await workplace.start('start', ...settings, '--wait', ...place);
    const { code, stdout, stderr } = await started.waitForExit({ withinMs: 240_000 });
    assert.equal(code, 0, stdout + stderr);
    await until(() => load.records.length >= REQUESTS, { withinMs: 120_000, what: `${REQUESTS} requests` });
    const records = await load.stop();
    const long = await Promise.all(streams.map((stream) => stream.ended));
    assert.deepEqual(
      records.filter(({ status, failure }) => failure !== undefined || status !== 200),
      [],
    );
    assert.ok(long.every(isUncut), JSON.stringify(long));
    assert.equal((await fetch(url)).headers.get('x-release-slot'), 'green');
  } finally {
    await newcomer.stop();
  }
});
