import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { afterEach, test } from 'node:test';
import type { Cursor } from '../../../src/domain/reading.js';
import { LATENCY_BOUNDS_MS } from '../../../src/domain/latency-bounds.js';
import { startExporter, type Exporter, type ExporterOptions } from '../../../src/dataplane/exporter/exporter.js';
import { scrapeSource } from '../../../src/providers/metrics/scrape.js';
import { parseTextFormat } from '../../../src/providers/metrics/text-format.js';
import { line, Page, pageAfter, scrape, send, type LineFields } from './lines.js';

const running: Exporter[] = [];
afterEach(async () => {
  await Promise.all(running.splice(0).map((exporter) => exporter.close()));
});

async function start(options: Partial<ExporterOptions> = {}): Promise<Exporter> {
  const exporter = await startExporter({ udpPort: 0, httpPort: 0, services: [{ name: 'app' }], ...options });
  running.push(exporter);
  return exporter;
}

const GREEN = { slot: 'green', role: 'candidate', release: 'r2' };

test('the series of both slots of a configured service exist from the start, with 0', async () => {
  const page = await scrape(await start());
  for (const revision of ['blue', 'green']) {
    for (const role of ['stable', 'candidate']) {
      for (const code of ['2xx', '3xx', '4xx', '5xx']) {
        for (const family of ['sluice_requests_total', 'sluice_pinned_requests_total', 'sluice_relpin_requests_total'])
          assert.equal(page.sum(family, { service: 'app', revision, role, code }), 0);
      }
      for (const by of ['server', 'operator'])
        assert.equal(page.sum('sluice_streams_cut_total', { service: 'app', revision, role, by }), 0);
    }
    assert.equal(page.sum('sluice_latency_seconds_bucket', { service: 'app', revision, le: '+Inf' }), 0);
    for (const family of ['sluice_sticky_returns_total', 'sluice_sticky_violations_total'])
      assert.equal(page.sum(family, { service: 'app', revision }), 0);
  }
  assert.equal(page.sum('sluice_candidate_down_total', { service: 'app' }), 0);
  assert.equal(page.sum('sluice_requests_total', { service: 'other' }), undefined);
});

test('requests count by service, slot, release, role and class of the code', async () => {
  const exporter = await start();
  await send(exporter, [
    line(),
    line({ st: 503 }),
    line({ ...GREEN, st: 500, why: 'bucket' }),
    line({ ...GREEN, st: 404 }),
    line({ ...GREEN, st: -1, ts: 'CR--' }),
  ]);
  const page = await pageAfter(exporter, 5);
  const blue = { service: 'app', revision: 'blue', release_id: 'r1', role: 'stable' };
  const green = { service: 'app', revision: 'green', release_id: 'r2', role: 'candidate' };
  const counts = (labels: object, codes: readonly string[]): unknown[] =>
    codes.map((code) => page.sum('sluice_requests_total', { ...labels, code }));
  assert.deepEqual(counts(blue, ['2xx', '4xx', '5xx', 'none']), [1, 0, 1, undefined]);
  assert.deepEqual(counts(green, ['2xx', '4xx', '5xx', 'none']), [0, 1, 1, 1]);
});

test('pinned traffic is in no series of users, and relpin counts by itself', async () => {
  const exporter = await start();
  await send(exporter, [
    line({ why: 'pin', st: 500, ts: 'SD--', Ta: 7_000 }),
    line({ why: 'pin' }),
    line({ why: 'relpin', st: 502 }),
  ]);
  const page = await pageAfter(exporter, 3);
  assert.deepEqual(
    [page.sum('sluice_requests_total'), page.sum('sluice_streams_cut_total'), page.sum('sluice_latency_seconds_count')],
    [0, 0, 0],
  );
  assert.equal(page.sum('sluice_pinned_requests_total', { revision: 'blue', code: '5xx' }), 1);
  assert.equal(page.sum('sluice_pinned_requests_total', { revision: 'blue', code: '2xx' }), 1);
  assert.equal(page.sum('sluice_relpin_requests_total', { revision: 'blue', code: '5xx' }), 1);
});

test('users who come back count by who answers them now, and who has left counts as violated too; probes and streams never', async () => {
  const exporter = await start();
  const source = scrapeSource({ urls: [exporter.addresses.http.url] });
  const revisions = {
    stable: { id: 'blue', slot: 'blue', release: 'r1' },
    candidate: { id: 'green', slot: 'green', release: 'r2' },
  };
  const read = (cursor: Cursor) =>
    source.read({ service: 'app', environment: 'test' }, revisions, cursor, AbortSignal.timeout(5_000));
  const { cursor } = await read('begin');
  await send(exporter, [
    line({ ...GREEN, why: 'bucket', stick: 'kept' }),
    line({ ...GREEN, why: 'bucket', stick: 'kept' }),
    line({ why: 'bucket', stick: 'broken' }),
    line({ why: 'bucket' }),
    line({ why: 'pin', stick: 'broken' }),
    line({ why: 'relpin', stick: 'broken' }),
    // A slow answer that an earlier route decided on.
    line({ why: 'bucket', stick: 'broken', at: 1_699_999_990_000, gen: 'r2~0a1b2c3d.3' }),
  ]);
  const page = await pageAfter(exporter, 7);
  const sums = (family: string) =>
    [
      { revision: 'green', release_id: 'r2' },
      { revision: 'blue', release_id: 'r1' },
    ].map((labels) => page.sum(family, labels));
  assert.deepEqual(sums('sluice_sticky_returns_total'), [2, 1]);
  assert.deepEqual(sums('sluice_sticky_violations_total'), [0, 1]);
  assert.deepEqual((await read(cursor)).reading.stickiness?.value, { returns: 3, violations: 1 });
});

test('streams that broke after a 200 count by who cut them', async () => {
  const exporter = await start();
  await send(
    exporter,
    ['SD--', 'sD--', 'CD--', 'KD--', '----'].map((ts) => line({ ts })),
  );
  const page = await pageAfter(exporter, 5);
  assert.deepEqual(
    [
      page.sum('sluice_streams_cut_total', { by: 'server' }),
      page.sum('sluice_streams_cut_total', { by: 'operator' }),
      page.sum('sluice_requests_total'),
    ],
    [2, 1, 5],
  );
});

test('latency is the first byte of streams and the whole of other answers', async () => {
  const exporter = await start({ latencyBoundsMs: [50, 100], streamedContentTypes: ['Text/Event-Stream'] });
  await send(exporter, [
    line({ Ta: 9_000, Tr: 40, ct: 'text/event-stream' }),
    line({ Ta: 90, Tr: 10 }),
    line({ Ta: 101, Tr: 1 }),
    line({ Ta: -1 }),
  ]);
  const page = await pageAfter(exporter, 4);
  const buckets = ['0.05', '0.1', '+Inf'].map((le) =>
    page.sum('sluice_latency_seconds_bucket', { revision: 'blue', release_id: 'r1', le }),
  );
  assert.deepEqual(buckets, [1, 2, 3]);
});

test('fallbacks of a candidate that is down are counted for the service, apart for a worker that drains', async () => {
  const exporter = await start();
  await send(exporter, [
    line({ pid: 1 }),
    line({ pid: 2, why: 'candidate-down' }),
    line({ pid: 1, why: 'candidate-down' }),
    line({ pid: 2, why: 'candidate-down' }),
  ]);
  const page = await pageAfter(exporter, 4);
  assert.equal(page.sum('sluice_candidate_down_total', { service: 'app', worker: 'current' }), 2);
  assert.equal(page.sum('sluice_candidate_down_total', { service: 'app', worker: 'draining' }), 1);
  assert.equal(page.sum('sluice_requests_total'), 4, 'they are requests that stable served');
});

test('requests that the router answered before it chose a slot are no revision’s', async () => {
  const exporter = await start();
  await send(exporter, [line({ slot: '-', role: '-', why: 'pin', st: 421 }), line({ slot: '-', role: '-', why: '-', st: 503 })]);
  const page = await pageAfter(exporter, 2);
  assert.deepEqual(
    [
      page.sum('sluice_unrouted_requests_total', { code: '4xx' }),
      page.sum('sluice_unrouted_requests_total', { code: '5xx' }),
      page.sum('sluice_requests_total'),
    ],
    [1, 1, 0],
  );
});

test('every line is counted once, as what became of it', async () => {
  const exporter = await start({ limits: { unknownServices: 1 } });
  await send(exporter, [
    line(),
    `${line()}\n${line()}\n`,
    'Server app-green/s1 is DOWN',
    line({ svc: '-' }),
    line({ st: 'x' }),
    line({ svc: 'second' }),
    line({ svc: 'third' }),
    line({ svc: 'third', slot: '-' }),
  ]);
  const page = await pageAfter(exporter, 9);
  const outcomes = ['counted', 'not-json', 'no-request', 'invalid', 'over-cap'].map((outcome) =>
    page.sum('sluice_exporter_lines_total', { outcome }),
  );
  assert.deepEqual(outcomes, [4, 1, 1, 1, 2]);
  assert.equal(page.sum('sluice_requests_total', { service: 'third' }), undefined);
});

test('a release that left its slot takes all its series with it', async () => {
  const exporter = await start({ limits: { retireAfterMs: -1 } });
  await send(exporter, [
    line({ release: 'r1', st: 101, ts: 'SD--' }),
    line({ release: 'r1', why: 'pin' }),
    line({ release: 'r1', st: -1 }),
    line({ release: 'r2' }),
  ]);
  const { text } = await pageAfter(exporter, 4);
  assert.equal(text.includes('release_id="r1"'), false);
  assert.equal(text.includes('release_id="r2"'), true);
});

test('an exporter without requests tells the time, so that idle is not dead; the last line has a time of its own', async () => {
  const exporter = await start();
  const idle = await scrape(exporter);
  const now = Date.now() / 1_000;
  assert.ok(Math.abs((idle.sum('sluice_exporter_time_seconds') ?? 0) - now) < 5);
  assert.ok(Math.abs((idle.sum('process_start_time_seconds') ?? 0) - now) < 5);
  assert.equal(idle.sum('sluice_exporter_last_line_timestamp_seconds'), 0);
  await send(exporter, [line()]);
  assert.ok(((await pageAfter(exporter, 1)).sum('sluice_exporter_last_line_timestamp_seconds') ?? 0) >= now - 1);
});

test('lines that the system threw away are counted', { skip: process.platform !== 'linux' && 'only Linux says so' }, async () => {
  const exporter = await start();
  assert.equal((await scrape(exporter)).sum('sluice_exporter_lines_lost_total'), 0);
  const socket = createSocket('udp4');
  socket.connect(exporter.addresses.udp.port, exporter.addresses.udp.host);
  await once(socket, 'connect');
  // The exporter lives in this process: while this loop does not yield, nobody reads, and the buffer overflows.
  const big = Buffer.alloc(60_000, 'x');
  for (let sent = 0; sent < 400; sent++) socket.send(big);
  const until = performance.now() + 20_000;
  let lost = 0;
  while (lost === 0 && performance.now() < until) lost = (await scrape(exporter)).sum('sluice_exporter_lines_lost_total') ?? 0;
  socket.close();
  const page = await scrape(exporter);
  assert.ok(lost > 0, 'the buffer of some MiB cannot hold 24 MB');
  assert.ok((page.sum('sluice_exporter_receive_buffer_bytes') ?? 0) > 200_000);
});

test('other paths and methods are refused, and health is told', async () => {
  const exporter = await start();
  const base = exporter.addresses.http.url.replace('/metrics', '');
  const status = async (path: string, method = 'GET'): Promise<number> => (await fetch(`${base}${path}`, { method })).status;
  assert.deepEqual(
    [await status('/healthz'), await status('/metrics?x=1'), await status('/'), await status('/metrics', 'POST')],
    [200, 200, 404, 405],
  );
});

test('a port that is taken is an error, and nothing is left open', async () => {
  const first = await start();
  await assert.rejects(startExporter({ udpPort: first.addresses.udp.port, httpPort: 0, services: [] }), /EADDRINUSE/);
  const udp = await start();
  const udpPort = udp.addresses.udp.port;
  running.splice(running.indexOf(udp), 1);
  await udp.close();
  await assert.rejects(startExporter({ udpPort, httpPort: first.addresses.http.port, services: [] }), /EADDRINUSE/);
  await start({ udpPort });
});

test('the scraping source understands the exporter without any configuration', async () => {
  const exporter = await start();
  const source = scrapeSource({ urls: [exporter.addresses.http.url] });
  const pair = { stable: { id: 'blue', slot: 'blue', release: 'r1' }, candidate: { id: 'green', slot: 'green', release: 'r2' } };
  const read = (cursor: Cursor) =>
    source.read({ service: 'app', environment: 'test' }, pair, cursor, new AbortController().signal);
  const user = (count: number, fields: Partial<LineFields>): string[] => Array.from({ length: count }, () => line(fields));
  await send(exporter, [...user(3, { release: 'r0' }), ...user(2, { release: '-' })]);
  await pageAfter(exporter, 5);
  const begun = await read('begin');
  assert.deepEqual(begun.reading.errors?.value, {
    stable: { requests: 0, bad: 0, cutStreams: 0 },
    candidate: { requests: 0, bad: 0, cutStreams: 0 },
  });
  await send(exporter, [
    ...user(20, {}),
    ...user(2, { st: 502 }),
    ...user(5, GREEN),
    ...user(1, { ...GREEN, ts: 'SD--' }),
    ...user(4, { ...GREEN, why: 'pin', st: 500 }),
    ...user(7, { ...GREEN, release: 'older' }),
  ]);
  await pageAfter(exporter, 44);
  const { reading, cursor } = await read(begun.cursor);
  assert.deepEqual(reading.errors?.value, {
    stable: { requests: 22, bad: 2, cutStreams: 0 },
    candidate: { requests: 6, bad: 1, cutStreams: 1 },
  });
  const { boundsMs = [], counts } = reading.latency?.value ?? {};
  assert.deepEqual(boundsMs, LATENCY_BOUNDS_MS, 'to the last digit: 1.1 × a bound is a bound for the judge');
  const bucket = boundsMs.findIndex((bound) => bound >= 40);
  assert.deepEqual([counts?.stable[bucket], counts?.candidate[bucket]], [22, 6]);
  assert.ok(JSON.stringify(cursor).length < 8_192);
});

test('asked for services, the exporter shows those alone, its clock, and the families that it knows', async () => {
  const exporter = await start({ services: [{ name: 'app' }, { name: 'other' }, { name: 'third' }] });
  await send(exporter, [line(), line({ svc: 'other', st: 500 }), line({ svc: 'third' }), line({ svc: 'other', slot: '-' })]);
  const whole = await pageAfter(exporter, 4);
  const ask = async (query: string): Promise<Page> => {
    const response = await fetch(`${exporter.addresses.http.url}${query}`);
    assert.equal(response.status, 200);
    return new Page(await response.text());
  };
  const [app, two, nobody] = [await ask('?service=app'), await ask('?service=app&service=other'), await ask('?service=nobody')];
  const services = ({ text }: Page): unknown =>
    [...new Set([...text.matchAll(/service="(\w+)"/g)].map(([, name]) => name))].sort();
  assert.deepEqual([whole, app, two, nobody].map(services), [['app', 'other', 'third'], ['app'], ['app', 'other'], []]);
  const linesOf = ({ text }: Page, service: string): readonly string[] =>
    text.split('\n').filter((one) => one.includes(`service="${service}"`));
  assert.deepEqual(linesOf(app, 'app'), linesOf(whole, 'app'));
  assert.deepEqual(linesOf(two, 'other'), linesOf(whole, 'other'));
  for (const page of [whole, app, two, nobody]) {
    assert.ok((page.sum('sluice_exporter_time_seconds') ?? 0) > 0 && (page.sum('process_start_time_seconds') ?? 0) > 0);
    const families = [...page.text.matchAll(/^# TYPE (\S+)/gm)].map(([, family]) => family);
    assert.deepEqual(new Set(families).size, families.length, 'each family in one piece');
    assert.deepEqual(
      families,
      [...whole.text.matchAll(/^# TYPE (\S+)/gm)].map(([, family]) => family),
    );
    assert.doesNotThrow(() => parseTextFormat(page.text));
  }
});

test('a rollout reads its own service from an exporter of many', async () => {
  const exporter = await start({ services: [{ name: 'app' }, { name: 'other' }] });
  const source = scrapeSource({ urls: [exporter.addresses.http.url] });
  const pair = { stable: { id: 'blue', release: 'r1' }, candidate: { id: 'green', release: 'r2' } };
  const read = (cursor: Cursor) => source.read({ service: 'app', environment: 'x' }, pair, cursor, AbortSignal.timeout(5_000));
  const { cursor } = await read('begin');
  await send(exporter, [line(), line({ svc: 'other' }), line({ slot: 'green', role: 'candidate', release: 'r2', st: 500 })]);
  await pageAfter(exporter, 3);
  const { reading } = await read(cursor);
  assert.deepEqual(reading.errors?.value, {
    stable: { requests: 1, bad: 0, cutStreams: 0 },
    candidate: { requests: 1, bad: 1, cutStreams: 0 },
  });
});
