/** The product's HAProxy in front of two real services, its log into the exporter, and the exporter into a reading. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { after, before, test } from 'node:test';
import type { Cursor, Reading } from '../../../src/domain/reading.js';
import { startExporter, type Exporter } from '../../../src/dataplane/exporter/exporter.js';
import { scrapeSource } from '../../../src/providers/metrics/scrape.js';
import { Haproxy, runFiles } from '../../harness/haproxy.js';
import { Load, type LoadRecord } from '../../harness/load.js';
import { TestService } from '../../harness/service.js';
import { PRODUCT_CONFIG } from '../../harness/stage.js';
import { Stream } from '../../harness/streams.js';
import { until, untilSeen } from '../../harness/until.js';
import { scrape } from './lines.js';

const skip =
  spawnSync('haproxy', ['-v']).status === 0
    ? false
    : 'LEFT OUT: no "haproxy" on PATH, so the real router is not tested. apt-get install haproxy';

const TOKEN = 'test-release-token-0123456789';
const RAMP = 'r2~0a1b2c3d';
const PAIR = { stable: { id: 'blue', slot: 'blue', release: 'r1' }, candidate: { id: 'green', slot: 'green', release: 'r2' } };

let exporter: Exporter;
let blue: TestService;
let green: TestService;
let haproxy: Haproxy;

before(async () => {
  if (skip !== false) return;
  exporter = await startExporter({ udpPort: 0, httpPort: 0, services: [{ name: 'app' }] });
  [blue, green] = await Promise.all([
    TestService.start({ name: 'app-blue', revision: 'blue' }),
    TestService.start({ name: 'app-green', revision: 'green' }),
  ]);
  haproxy = await Haproxy.start({
    config: PRODUCT_CONFIG,
    logPort: exporter.addresses.udp.port,
    service: 'app',
    files: { ...runFiles('app', 'blue'), 'releases.map': 'app/blue r1\napp/green r2\n' },
    environment: {
      RELEASE_TOKEN: TOKEN,
      SERVICE: 'app',
      APP_BLUE: String(blue.identity.port),
      APP_GREEN: String(green.identity.port),
    },
  });
  for (const command of [
    `add map ${haproxy.mapFile('leases')} ${RAMP} ${String(Math.floor(Date.now() / 1_000) + 600)}`,
    `add map ${haproxy.mapFile('routes')} app/${RAMP} green:4000:off:${RAMP}.1`,
    `add map ${haproxy.mapFile('ramps')} app ${RAMP}`,
  ]) {
    assert.equal(await haproxy.command(command), '');
  }
});

after(async () => {
  if (skip !== false) return;
  await haproxy.stop();
  await Promise.all([blue.stop(), green.stop(), exporter.close()]);
  haproxy.removeRunFolder();
});

interface Step {
  cursor: Cursor;
  read(): Promise<Reading>;
}

async function begin(): Promise<Step> {
  const source = scrapeSource({ urls: [exporter.addresses.http.url] });
  const read = (cursor: Cursor) => source.read({ service: 'app', environment: 'test' }, PAIR, cursor, AbortSignal.timeout(5_000));
  const step: Step = {
    cursor: (await read('begin')).cursor,
    async read() {
      const { reading, cursor } = await read(step.cursor);
      step.cursor = JSON.parse(JSON.stringify(cursor)) as Cursor;
      return reading;
    },
  };
  return step;
}

const ofSlot = (records: readonly LoadRecord[], slot: string, isBad = false): number =>
  records.filter((record) => record.slot === slot && (!isBad || (record.status ?? 0) >= 500)).length;

const latencies = (reading: Reading, side: 'stable' | 'candidate'): number =>
  reading.latency?.value.counts[side].reduce((sum, count) => sum + count, 0) ?? NaN;

test('what users got is what the reading says, to the request; pinned requests are not in it', { skip }, async () => {
  const step = await begin();
  await green.behave({ errors: { kind: 'even', share: 0.2 } });
  const load = new Load({ url: haproxy.url, requestsPerSecond: 400, atMost: { requests: 600, ms: 10_000 } });
  const probes = new Load({
    url: haproxy.url,
    requestsPerSecond: 50,
    atMost: { requests: 40, ms: 10_000 },
    headers: () => ({ 'x-release': 'canary', 'x-release-token': TOKEN }),
  });
  const [records] = await Promise.all([load.finished, probes.finished]);
  await green.behave({ errors: { kind: 'none' } });
  const reading = await untilSeen(
    () => step.read(),
    ({ errors }) =>
      errors?.value.stable.requests === ofSlot(records, 'blue') && errors.value.candidate.requests === ofSlot(records, 'green'),
    { withinMs: 5_000, what: `${String(ofSlot(records, 'blue'))} + ${String(ofSlot(records, 'green'))} requests` },
  );
  assert.ok(
    ofSlot(records, 'green') > 100 && ofSlot(records, 'green', true) > 10,
    'the load reached the candidate, and some of it failed',
  );
  assert.deepEqual(reading.errors?.value, {
    stable: { requests: ofSlot(records, 'blue'), bad: 0, cutStreams: 0 },
    candidate: { requests: ofSlot(records, 'green'), bad: ofSlot(records, 'green', true), cutStreams: 0 },
  });
  assert.deepEqual(
    [latencies(reading, 'stable'), latencies(reading, 'candidate')],
    [ofSlot(records, 'blue'), ofSlot(records, 'green')],
  );
  const page = await scrape(exporter);
  assert.equal(page.sum('sluice_pinned_requests_total', { revision: 'green', release_id: 'r2' }), 40);
  assert.deepEqual(
    [page.sum('sluice_exporter_lines_total', { outcome: 'invalid' }), page.sum('sluice_exporter_lines_lost_total')],
    [0, 0],
  );
});

test(
  'a stream that its slot broke is bad, one that its client left is not, and its latency is the first byte',
  { skip },
  async () => {
    assert.equal(await haproxy.command(`set map ${haproxy.mapFile('routes')} app/${RAMP} green:10000:off:${RAMP}.2`), '');
    const step = await begin();
    const open = async (): Promise<Stream> => {
      const stream = new Stream({ url: haproxy.url, seconds: 20 });
      await stream.began;
      return stream;
    };
    const left = await open();
    left.leave();
    await left.ended;
    await until(async () => (await step.read()).errors?.value.candidate.requests === 1, {
      withinMs: 5_000,
      what: 'the stream that was left to be logged',
    });
    const broken = await open();
    await green.kill();
    assert.equal((await broken.ended).whole, false);
    const reading = await untilSeen(
      () => step.read(),
      ({ errors }) => errors?.value.candidate.requests === 2,
      { withinMs: 5_000, what: 'the stream that was broken to be logged' },
    );
    assert.deepEqual(reading.errors?.value.candidate, { requests: 2, bad: 1, cutStreams: 1 });
    const [boundsMs, counts] = [reading.latency?.value.boundsMs ?? [], reading.latency?.value.counts.candidate ?? []];
    assert.equal(
      counts
        .slice(
          0,
          boundsMs.findIndex((bound) => bound > 1_000),
        )
        .reduce((sum, count) => sum + count, 0),
      2,
      'both began within a second',
    );
  },
);

test('what would have gone to a dead candidate is stable’s, and counted as a fallback', { skip }, async () => {
  await until(async () => JSON.stringify((await haproxy.route()).raw['nbsrv']).includes('"green":0'), {
    withinMs: 10_000,
    what: 'HAProxy to notice that green is down',
  });
  const step = await begin();
  const fallbacks = async (): Promise<number> =>
    (await scrape(exporter)).sum('sluice_candidate_down_total', { service: 'app', worker: 'current' }) ?? NaN;
  const already = await fallbacks();
  const load = new Load({ url: haproxy.url, requestsPerSecond: 200, atMost: { requests: 50, ms: 10_000 } });
  await load.finished;
  await until(async () => (await fallbacks()) === already + 50, { withinMs: 5_000, what: '50 fallbacks' });
  assert.deepEqual((await step.read()).errors?.value, {
    stable: { requests: 50, bad: 0, cutStreams: 0 },
    candidate: { requests: 0, bad: 0, cutStreams: 0 },
  });
});
