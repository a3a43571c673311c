import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';
import type { Cursor, Reading } from '../../../src/domain/reading.js';
import { ProviderError } from '../../../src/providers/errors.js';
import { scrapeSource, type ScrapeDependencies, type ScrapeOptions } from '../../../src/providers/metrics/scrape.js';
import type { MeasuredPair } from '../../../src/providers/ports.js';
import { until } from '../../harness/until.js';
import { exporterPage, MetricsServer, type Handler } from './metrics-server.js';
import { PAIR, TARGET } from './step.js';

const cleanUps: (() => Promise<void>)[] = [];
afterEach(async () => {
  await Promise.all(cleanUps.splice(0).map((clean) => clean()));
});

async function serve(handler: Handler = (_request, response) => response.end()): Promise<MetricsServer> {
  const server = await MetricsServer.start(handler);
  cleanUps.push(() => server.stop());
  return server;
}

const never = new AbortController().signal;
const START_S = 1_700_000_000;

/** The exporter after `seconds`, with `requests` on each slot. */
const pageAt = (seconds: number, requests: number, startS = START_S): string =>
  exporterPage({ timeS: START_S + seconds, startS, slots: { blue: { ok: requests }, green: { ok: requests } } });

interface Reader {
  readonly read: (cursor: Cursor, signal?: AbortSignal) => Promise<{ readonly reading: Reading; readonly cursor: Cursor }>;
  readonly warnings: readonly string[];
}

function reader(options: Partial<ScrapeOptions> & Pick<ScrapeOptions, 'urls'>, dependencies: ScrapeDependencies = {}): Reader {
  const warnings: string[] = [];
  const source = scrapeSource(options, { warn: (message) => warnings.push(message), ...dependencies });
  return { warnings, read: (cursor, signal = never) => source.read(TARGET, PAIR, cursor, signal) };
}

const failsTransiently =
  (message: RegExp) =>
  (error: unknown): boolean => {
    assert.ok(error instanceof ProviderError, String(error));
    assert.equal(error.kind, 'transient');
    assert.match(error.message, message);
    return true;
  };

test('one scrape has both revisions; its time, age and span are by the exporter’s clock', async () => {
  const server = await serve();
  const { read } = reader({ urls: [server.url] });
  server.serve(pageAt(10, 100));
  const begun = await read('begin');
  server.serve(pageAt(15.25, 140));
  const { reading } = await read(begun.cursor);
  assert.deepEqual(reading.errors, {
    at: (START_S + 15.25) * 1_000,
    ageMs: 0,
    elapsedMs: 5_250,
    value: { stable: { requests: 40, bad: 0, cutStreams: 0 }, candidate: { requests: 40, bad: 0, cutStreams: 0 } },
  });
});

test('both revisions in one scrape are the same instant; several addresses, or one of a single revision, are not', async () => {
  const sameInstant = async (urls: ScrapeOptions['urls']): Promise<boolean> =>
    (await scrapeSource({ urls }).describe(TARGET)).sameInstant;
  assert.equal(await sameInstant(['http://127.0.0.1:1/metrics']), true);
  assert.equal(await sameInstant([{ url: 'http://127.0.0.1:1/metrics', revision: 'blue' }]), false);
  assert.equal(await sameInstant(['http://127.0.0.1:1/metrics', 'http://127.0.0.1:2/metrics']), false);
  assert.deepEqual((await scrapeSource({ urls: ['http://a/'] }).describe(TARGET)).signals, ['errors', 'latency', 'stickiness']);
});

test('without the exporter’s clock the answer’s Date tells the time, and only without that ours', async () => {
  const server = await serve();
  const page = exporterPage({ slots: { blue: {}, green: {} } });
  const { read } = reader({ urls: [server.url] }, { now: () => 42 });
  server.serve(page, { date: 'Tue, 14 Nov 2023 22:13:20 GMT' });
  assert.equal((await read('begin')).reading.errors?.at, 1_700_000_000_000);
  server.handler = (_request, response) => {
    response.sendDate = false;
    response.end(page);
  };
  assert.equal((await read('begin')).reading.errors?.at, 42);
});

test('a source that hangs before its answer, or within it, is given up when the caller aborts', async () => {
  const server = await serve();
  const { read } = reader({ urls: [server.url] });
  for (const handler of [
    () => undefined,
    (_request: unknown, response: { write(text: string): void }) => {
      response.write('a 1\n');
    },
  ] as Handler[]) {
    server.handler = handler;
    server.requests = 0;
    const abort = new AbortController();
    const reading = read('begin', abort.signal);
    await until(() => server.requests > 0, { withinMs: 5_000, what: 'the scrape to arrive' });
    abort.abort();
    await assert.rejects(reading, failsTransiently(/gave up .*the caller aborted/));
  }
  await assert.rejects(read('begin', AbortSignal.abort()), failsTransiently(/caller aborted/));
});

test('a source that hangs is given up after its time', async () => {
  const server = await serve(() => undefined);
  await assert.rejects(
    reader({ urls: [server.url], timeoutMs: 50 }).read('begin'),
    failsTransiently(/did not answer within 50 ms/),
  );
});

test('an address that fails takes the others’ requests with it', async () => {
  const hanging = await serve(() => undefined);
  const failing = await serve((_request, response) => {
    until(() => hanging.requests > 0, { withinMs: 5_000, what: 'the other scrape' }).then(
      () => response.writeHead(500).end(),
      () => response.destroy(),
    );
  });
  const closed = new Promise((resolve) => {
    hanging.handler = (request) => request.socket.once('close', resolve);
  });
  await assert.rejects(reader({ urls: [hanging.url, failing.url] }).read('begin'), failsTransiently(/answered 500/));
  await closed;
});

for (const [what, handler, message] of [
  ['500', (_request, response) => response.writeHead(500).end('a 1\n'), /answered 500/],
  ['404', (_request, response) => response.writeHead(404).end(), /answered 404/],
  ['a redirect', (_request, response) => response.writeHead(302, { location: 'http://127.0.0.1:1/' }).end(), /answered 302/],
  ['a page of HTML', (_request, response) => response.end('<html>hello</html>\n'), /no text exposition: line 1/],
  ['half a page', (_request, response) => response.end('sluice_requests_total{service="app"} 1'), /cut short/],
  [
    'half of what it announced',
    (_request, response) => {
      response.writeHead(200, { 'content-length': '100' }).write('a 1\n', () => response.destroy());
    },
    /could not be read/,
  ],
  ['nothing', (_request, response) => response.end(''), /answered without any metric/],
  ['comments alone', (_request, response) => response.end('# TYPE a counter\n'), /answered without any metric/],
  [
    'a beginning that is no time',
    (_request, response) => response.end('a 1\nprocess_start_time_seconds NaN\n'),
    /states NaN as its process_start_time_seconds/,
  ],
  ['too much', (_request, response) => response.end('a 1\n'.repeat(100_000)), /more than 1000 bytes/],
] as [string, Handler, RegExp][]) {
  test(`an answer of ${what} is a transient error, and the cursor stays good`, async () => {
    const server = await serve();
    const { read } = reader({ urls: [server.url] });
    server.serve(pageAt(10, 100));
    const begun = await read('begin');
    server.handler = handler;
    await assert.rejects(reader({ urls: [server.url], maxBytes: 1_000 }).read(begun.cursor), failsTransiently(message));
    server.serve(pageAt(20, 150));
    assert.equal((await read(begun.cursor)).reading.errors?.value.candidate.requests, 50);
  });
}

test('nobody at the address is a transient error', async () => {
  const server = await MetricsServer.start(() => undefined);
  const { url } = server;
  await server.stop();
  await assert.rejects(reader({ urls: [url] }).read('begin'), failsTransiently(/could not be read: .*ECONNREFUSED/));
});

test('OpenMetrics, which was not asked for, is said to be a matter of configuration', async () => {
  const server = await serve();
  server.serve('# EOF\n', { 'content-type': 'application/openmetrics-text; version=1.0.0' });
  await assert.rejects(
    reader({ urls: [server.url] }).read('begin'),
    (error) => error instanceof ProviderError && error.kind === 'permanent',
  );
});

test('headers are sent, and stand in no message', async () => {
  const server = await serve((request, response) =>
    response.writeHead(request.headers['authorization'] === 'Bearer secret' ? 503 : 401).end(),
  );
  const { read } = reader({ urls: [`${server.url}?key=secret`], headers: { authorization: 'Bearer secret' } });
  await assert.rejects(
    read('begin'),
    (error) => error instanceof Error && error.message.includes('answered 503') && !error.message.includes('secret'),
  );
});

test('credentials in an address are refused, and so is what is no address', () => {
  for (const url of ['http://user:secret@host/metrics', 'ftp://host/', 'metrics'])
    assert.throws(() => scrapeSource({ urls: [url] }), /without user and password/);
});

test('a NaN is no data, and the other signal is not touched', async () => {
  const server = await serve();
  const { read, warnings } = reader({ urls: [server.url] });
  server.serve(pageAt(10, 1));
  const { cursor } = await read('begin');
  server.serve(pageAt(11, 1).replace('code="5xx"} 0', 'code="5xx"} NaN'));
  const { reading } = await read(cursor);
  assert.deepEqual(Object.keys(reading), ['latency']);
  assert.match(warnings.join(), /no data for app: errors: a series of sluice_requests_total is no count/);
});

test('samples that carry an old time are as old as they say', async () => {
  const server = await serve();
  const { read } = reader({ urls: [server.url] });
  const dated = pageAt(60, 5).replaceAll(/^(sluice_requests_total.*)$/gm, `$1 ${String((START_S + 20) * 1_000)}`);
  server.serve(dated);
  const { errors } = (await read('begin')).reading;
  assert.deepEqual([errors?.at, errors?.ageMs], [(START_S + 20) * 1_000, 40_000]);
});

test('an exporter whose clock stands still, or a cache in front of it, grows old; one without requests does not', async () => {
  const server = await serve();
  let elapsedMs = 0;
  const { read } = reader({ urls: [server.url] }, { monotonicMs: () => elapsedMs });
  const ages: (number | undefined)[] = [];
  let cursor: Cursor = 'begin';
  for (const seconds of [10, 11, 11, 11, 12]) {
    server.serve(pageAt(seconds, 100));
    const read1 = await read(cursor);
    cursor = read1.cursor;
    ages.push(read1.reading.errors?.ageMs);
    elapsedMs += 5_000;
  }
  assert.deepEqual(ages, [0, 0, 5_000, 10_000, 0]);
  server.serve(pageAt(99, 100), { age: '33' });
  assert.equal((await read(cursor)).reading.errors?.ageMs, 33_000);
});

/** A server that answers nobody until it is told to, and remembers what it was asked. */
async function holding(text: string) {
  const asked: string[] = [];
  const waiting: (() => void)[] = [];
  const server = await serve((request, response) => {
    asked.push(request.url ?? '');
    waiting.push(() => response.end(text));
  });
  const release = (): void => {
    for (const answer of waiting.splice(0)) answer();
  };
  const arrived = (count: number) => until(() => asked.length === count, { withinMs: 5_000, what: `${String(count)} requests` });
  return { server, asked, release, arrived };
}

const OWN_METRICS = { errors: { requests: { name: 'sluice_requests_total' }, bad: { name: 'sluice_requests_total' } } } as const;

test('the exporter is asked for the service alone; a page of other metrics is asked for as it is, unless told', async () => {
  const ask = async (options: Partial<ScrapeOptions>, query = ''): Promise<string | undefined> => {
    const { server, asked, release, arrived } = await holding(pageAt(10, 1));
    const reading = reader({ urls: [`${server.url}${query}`], ...options }).read('begin');
    await arrived(1);
    release();
    await reading;
    return asked[0];
  };
  assert.equal(await ask({}), '/metrics?service=app');
  assert.equal(await ask({}, '?key=1'), '/metrics?key=1&service=app');
  assert.equal(await ask({ metrics: OWN_METRICS }), '/metrics');
  assert.equal(await ask({ metrics: OWN_METRICS, serviceParameter: 'app' }), '/metrics?app=app');
  assert.throws(() => scrapeSource({ urls: ['http://a/'], serviceParameter: 'a&b' }), /query parameter/);
});

test('readings of one address that begin together share an answer; a base, or a later reading, asks for its own', async () => {
  const { server, asked, release, arrived } = await holding(pageAt(20, 150));
  let elapsedMs = 0;
  const { read } = reader({ urls: [server.url], metrics: OWN_METRICS }, { monotonicMs: () => elapsedMs });
  const base = read('begin');
  await arrived(1);
  release();
  const { cursor } = await base;
  const first = read(cursor);
  await arrived(2);
  elapsedMs = 50;
  const joined = read(cursor);
  elapsedMs = 51;
  const late = read(cursor);
  await arrived(3);
  const another = read('begin');
  await arrived(4);
  release();
  const readings = await Promise.all([first, joined, late, another]);
  assert.equal(asked.length, 4);
  assert.deepEqual(readings[1], readings[0]);
  const after = read(cursor);
  await arrived(5);
  release();
  await after;
});

test('one reader that gives up takes no answer from the others; the last one ends the request, and nobody joins it then', async () => {
  const { server, asked, release, arrived } = await holding(pageAt(20, 150));
  const { read } = reader({ urls: [server.url], metrics: OWN_METRICS });
  const begun = read('begin');
  await arrived(1);
  release();
  const { cursor } = await begun;
  const aborts = [new AbortController(), new AbortController()];
  const [one, two, three] = [read(cursor, aborts[0]?.signal), read(cursor, aborts[1]?.signal), read(cursor)];
  await arrived(2);
  aborts[0]?.abort();
  await assert.rejects(one, failsTransiently(/caller aborted/));
  release();
  assert.ok('errors' in (await two).reading && 'errors' in (await three).reading);
  const given = [new AbortController(), new AbortController()];
  const [four, five] = given.map(({ signal }) => read(cursor, signal));
  await arrived(3);
  for (const abort of given) abort.abort();
  const six = read(cursor);
  await assert.rejects(four ?? six, failsTransiently(/caller aborted/));
  await assert.rejects(five ?? six, failsTransiently(/caller aborted/));
  await arrived(4);
  release();
  assert.ok('errors' in (await six).reading);
  assert.equal(asked.length, 4);
});

test('a page answers a rollout’s own gates by metric, and says permanently that it evaluates no PromQL', async () => {
  const server = await serve();
  const source = scrapeSource({ urls: [server.url] });
  const read = (custom: NonNullable<MeasuredPair['custom']>, cursor: Cursor) =>
    source.read(TARGET, { ...PAIR, custom }, cursor, never);
  const counter = (where: Record<string, string>) => ({ kind: 'metric', name: 'sluice_requests_total', where }) as const;
  const gate = {
    checkout: { source: 'x', kind: 'proportion', comparison: 'absolute', bad: counter({ code: '5xx' }), all: counter({}) },
  } as const;
  const page = (failed: number, seconds: number) =>
    exporterPage({ timeS: START_S + seconds, startS: START_S, slots: { green: { ok: 100 + failed, failed } } });
  server.serve(page(0, 10));
  const { cursor } = await read(gate, 'begin');
  server.serve(page(4, 15));
  const { reading } = await read(gate, cursor);
  assert.deepEqual(reading.custom?.['checkout']?.value, { stable: { requests: 0, bad: 0 }, candidate: { requests: 8, bad: 4 } });
  assert.equal(reading.errors, undefined, 'stable, which nobody shows, is missing for the errors');
  await assert.rejects(
    read({ load: { source: 'x', kind: 'value', fails: 'above', value: { kind: 'promql', parts: ['load'] } } }, 'begin'),
    (error) => error instanceof ProviderError && error.kind === 'permanent' && /load is PromQL/.test(error.message),
  );
});

test('a look-back is gathered: the base first, then stable since, whoever answers for the candidate', async () => {
  const server = await serve();
  const source = scrapeSource({
    urls: [
      { url: server.url, revision: 'blue' },
      { url: 'http://127.0.0.1:1/metrics', revision: 'green' },
    ],
    labels: { revision: {} },
    metrics: { errors: { requests: { name: 'requests_total' }, bad: { name: 'requests_total', where: { code: '5..' } } } },
    clockMetric: 'now_seconds',
  });
  const serveAt = (seconds: number, good: number, bad: number): void => {
    server.serve(
      `now_seconds ${String(seconds)}\nrequests_total{code="200"} ${String(good)}\nrequests_total{code="503"} ${String(bad)}\n`,
    );
  };
  const ask = async (cursor: Cursor) => {
    const told = await source.lookBack?.(TARGET, PAIR, JSON.parse(JSON.stringify(cursor)) as Cursor, 3_600_000, never);
    assert.ok(told?.cursor !== undefined);
    return { readings: told.readings, cursor: told.cursor };
  };
  serveAt(10, 1_000, 7);
  const begun = await ask('begin');
  assert.deepEqual(begun.readings, []);
  serveAt(15, 1_040, 8);
  const first = await ask(begun.cursor);
  assert.deepEqual(
    first.readings.map(({ errors }) => [
      errors?.elapsedMs,
      errors?.value.stable.requests,
      errors?.value.stable.bad,
      errors?.value.candidate,
    ]),
    [[5_000, 41, 1, { requests: 0, bad: 0 }]],
  );
  serveAt(20, 1_050, 8);
  assert.equal((await ask(first.cursor)).readings[0]?.errors?.value.stable.requests, 51);
});

test('a restarted process counts from 0 again, also where it shows more than before', async () => {
  const server = await serve();
  const { read } = reader({ urls: [server.url] });
  server.serve(pageAt(10, 100));
  let { cursor } = await read('begin');
  server.serve(pageAt(20, 120));
  ({ cursor } = await read(cursor));
  server.serve(pageAt(40, 130, START_S + 22));
  const { reading } = await read(cursor);
  assert.equal(reading.errors?.value.candidate.requests, 150);
});

test('a scrape that hops between replicas is no data from the first hop to the end of the step', async () => {
  const server = await serve();
  const { read, warnings } = reader({ urls: [server.url] });
  server.serve(pageAt(100, 1_000));
  let step = await read('begin');
  const other = pageAt(101, 400, START_S - 5_000);
  for (const page of [other, pageAt(102, 1_010), other]) {
    server.serve(page);
    step = await read(step.cursor);
    assert.deepEqual(step.reading, {});
  }
  assert.match(warnings[0] ?? '', /already ran.*not through a balancer/);
  server.serve(pageAt(103, 1_020));
  assert.equal((await read('begin')).reading.errors?.value.candidate.requests, 0);
});

for (const [what, startMetric] of [
  ['state no start', 'none'],
  ['state the same start', 'process_start_time_seconds'],
] as const) {
  test(`a hop between replicas that ${what} shows by counters that fall again and again`, async () => {
    const server = await serve();
    const { read } = reader({ urls: [server.url], startMetric });
    let step = { cursor: 'begin' as Cursor, reading: {} };
    const seen: boolean[] = [];
    for (const [index, requests] of [1_000, 400, 1_001, 401, 1_002, 402, 1_003].entries()) {
      server.serve(pageAt(10 + index, requests));
      step = await read(step.cursor);
      seen.push('errors' in step.reading);
    }
    assert.deepEqual(seen, [true, true, true, true, true, false, false]);
  });
}

test('one address for each replica of each revision: no labels are needed, and each replica is listed', async () => {
  const [blue, green1, green2] = await Promise.all([serve(), serve(), serve()]);
  const own: ScrapeOptions = {
    urls: [
      { url: blue.url, revision: 'blue' },
      { url: green1.url, revision: 'green', replica: 'g1' },
      { url: green2.url, revision: 'r2', replica: 'g2' },
      { url: 'http://127.0.0.1:1/metrics', revision: 'of-another-rollout' },
    ],
    labels: { revision: {} },
    metrics: { errors: { requests: { name: 'requests_total' }, bad: { name: 'requests_total', where: { code: '5\\d\\d' } } } },
  };
  const { read } = reader(own);
  const serveAll = (requests: number): void => {
    for (const [index, server] of [blue, green1, green2].entries())
      server.serve(
        `requests_total{code="200"} ${String(requests * (index + 1))}\nrequests_total{code="503"} ${String(requests)}\n`,
      );
  };
  serveAll(10);
  const { cursor } = await read('begin');
  serveAll(15);
  const { reading } = await read(cursor);
  assert.deepEqual(reading.errors?.value, {
    stable: { requests: 10, bad: 5, byReplica: { [new URL(blue.url).host]: { requests: 10, bad: 5 } } },
    candidate: { requests: 35, bad: 10, byReplica: { g1: { requests: 15, bad: 5 }, g2: { requests: 20, bad: 5 } } },
  });
});

test('a cursor is small: the exporter’s bounds and both revisions stay under 8 KB', async () => {
  const server = await serve();
  const bounds = Array.from({ length: 117 }, (_, index) => (1.1 ** index / 1_000).toPrecision(12));
  const page = (scale: number): string => {
    const series = ['blue', 'green'].flatMap((slot) =>
      [...bounds, '+Inf'].map(
        (le, index) =>
          `sluice_latency_seconds_bucket{service="app",revision="${slot}",release_id="r",le="${le}"} ${String(scale * index)}\n`,
      ),
    );
    return exporterPage({ timeS: START_S, startS: START_S, slots: {} }) + series.join('');
  };
  const { read } = reader({ urls: [server.url], metrics: { latency: { name: 'sluice_latency_seconds' } } });
  server.serve(page(1_000));
  const { cursor } = await read('begin');
  server.serve(page(20_000).replaceAll(String(START_S), String(START_S + 1)));
  const size = JSON.stringify((await read(cursor)).cursor).length;
  assert.ok(size < 8_192, `${String(size)} bytes`);
});
