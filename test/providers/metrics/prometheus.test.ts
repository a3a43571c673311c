import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';
import type { Cursor } from '../../../src/domain/reading.js';
import { ProviderError } from '../../../src/providers/errors.js';
import { prometheusSource, type PrometheusOptions } from '../../../src/providers/metrics/prometheus.js';
import { selectorOf } from '../../../src/providers/metrics/promql.js';
import type { MeasuredPair } from '../../../src/providers/ports.js';
import { MetricsServer } from './metrics-server.js';
import { PAIR, TARGET } from './step.js';

type Series = Readonly<Record<string, readonly (readonly [second: number, value: number | string])[]>>;
type Body = Readonly<Record<string, unknown>>;

/** Answers as Prometheus does, from samples by label set (`code=200,revision=blue`), whose family is `http_requests_total`. */
class FakePrometheus {
  nowS = 1_000;
  series: Series = {};
  /** Replaces the answer to everything but `time()`. */
  instead: { readonly status: number; readonly body: Body | string } | undefined;
  readonly queries: string[] = [];

  private constructor(readonly server: MetricsServer) {}

  static async start(): Promise<FakePrometheus> {
    const server = await MetricsServer.start((request, response) => {
      const url = new URL(request.url ?? '/', 'http://x');
      const query = url.searchParams.get('query') ?? '';
      if (query === 'time()') {
        response.end(
          JSON.stringify({ status: 'success', data: { resultType: 'scalar', result: [fake.nowS, String(fake.nowS)] } }),
        );
        return;
      }
      fake.queries.push(query);
      const [start, end, step, time] = ['start', 'end', 'step', 'time'].map((name) => Number(url.searchParams.get(name)));
      const data = url.pathname.endsWith('/query_range')
        ? fake.#range(start ?? 0, end ?? 0, step ?? 1)
        : fake.#answer(query, time ?? 0);
      const body = fake.instead?.body ?? { status: 'success', data };
      response.writeHead(fake.instead?.status ?? 200).end(typeof body === 'string' ? body : JSON.stringify(body));
    });
    const fake = new FakePrometheus(server);
    return fake;
  }

  /** Each step the last sample of at most five minutes, at the step's own time, as `query_range` does. */
  #range(start: number, end: number, step: number): Body {
    const steps = Array.from({ length: Math.floor((end - start) / step) + 1 }, (_, index) => start + index * step);
    const found = Object.entries(this.series).map(([labels, samples]) => ({
      metric: Object.fromEntries(labels.split(',').map((pair) => pair.split('='))) as Record<string, string>,
      values: steps.flatMap((at) => {
        const last = samples.filter(([second]) => second > at - 300 && second <= at).at(-1);
        return last === undefined ? [] : [[at, String(last[1])] as const];
      }),
    }));
    return { resultType: 'matrix', result: found.filter(({ values }) => values.length > 0) };
  }

  #answer(query: string, at: number): Body {
    const range = Number(/\[(\d+)ms\]/.exec(query)?.[1]) / 1_000;
    const found = Object.entries(this.series).map(([labels, samples]) => ({
      metric: {
        __name__: 'http_requests_total',
        ...(Object.fromEntries(labels.split(',').map((pair) => pair.split('='))) as Record<string, string>),
      },
      values: samples
        .filter(([second]) => second > at - range && second <= at)
        .map(([second, value]) => [second, String(value)] as const),
    }));
    const alive = found.filter(({ values }) => values.length > 0);
    if (!query.startsWith('last_over_time')) return { resultType: 'matrix', result: alive };
    return { resultType: 'vector', result: alive.map(({ metric, values }) => ({ metric, value: [at, values.at(-1)?.[1]] })) };
  }
}

const OWN = {
  scrapeIntervalMs: 5_000,
  labels: { revision: { revision: 'slot' } },
  metrics: {
    errors: { requests: { name: 'http_requests_total' }, bad: { name: 'http_requests_total', where: { code: '5..' } } },
  },
} as const satisfies Partial<PrometheusOptions>;

const fakes: FakePrometheus[] = [];
afterEach(async () => {
  await Promise.all(fakes.splice(0).map((fake) => fake.server.stop()));
});

async function begin(series: Series, options: Partial<PrometheusOptions> = OWN) {
  const fake = await FakePrometheus.start();
  fakes.push(fake);
  fake.series = series;
  const warnings: string[] = [];
  const source = prometheusSource(
    { url: fake.server.url.replace('/metrics', '/prefix/'), ...options },
    { warn: (message) => warnings.push(message) },
  );
  const read = (cursor: Cursor) => source.read(TARGET, PAIR, cursor, new AbortController().signal);
  const begun = await read('begin');
  return { fake, read, warnings, source, begun };
}

/** A counter scraped every 5 s from 900 s on; `at` gives its value. */
const scraped = (untilS: number, at: (second: number) => number | string, fromS = 900) =>
  Array.from({ length: Math.floor((untilS - fromS) / 5) + 1 }, (_, index) => [fromS + 5 * index, at(fromS + 5 * index)] as const);

const flat = (untilS: number, value = 7) => scraped(untilS, () => value);
const QUIET: Series = { 'revision=blue,code=200': flat(1_200), 'revision=green,code=200': flat(1_200) };

test('both revisions are read in one query, one scrape interval back, on the server’s clock', async () => {
  const { fake, begun, source, read } = await begin({ ...QUIET, 'revision=blue,code=200': scraped(1_200, (second) => second) });
  assert.deepEqual(fake.queries, ['http_requests_total{revision=~"blue|green"}[20000ms]']);
  assert.deepEqual(begun.reading.errors, {
    at: 995_000,
    ageMs: 5_000,
    elapsedMs: 0,
    value: { stable: { requests: 0, bad: 0 }, candidate: { requests: 0, bad: 0 } },
  });
  fake.nowS = 1_063;
  const { reading } = await read(begun.cursor);
  assert.deepEqual(reading.errors, {
    at: 1_055_000,
    ageMs: 8_000,
    elapsedMs: 60_000,
    value: { stable: { requests: 60, bad: 0 }, candidate: { requests: 0, bad: 0 } },
  });
  assert.deepEqual(await source.describe(TARGET), { signals: ['errors'], sameInstant: true });
});

test('steps are summed: a restart in the window gives what happened, and is told', async () => {
  const { fake, read, begun } = await begin({
    ...QUIET,
    'revision=green,code=200': scraped(1_200, (second) => (second <= 1_000 ? second : second - 1_000)),
  });
  fake.nowS = 1_055;
  const { reading, cursor } = await read(begun.cursor);
  assert.equal(reading.errors?.value.candidate.requests, 5 + 50);
  assert.equal((cursor as { resets: number }).resets, 1);
});

test('a series that is born in the step counts from 0: the first error is one error', async () => {
  const { fake, read, begun } = await begin({ ...QUIET, 'revision=green,code=500': scraped(1_200, () => 1, 1_025) });
  fake.nowS = 1_060;
  const { reading } = await read(begun.cursor);
  assert.deepEqual(reading.errors?.value, { stable: { requests: 0, bad: 0 }, candidate: { requests: 1, bad: 1 } });
  assert.ok(fake.queries.at(-1)?.startsWith('last_over_time(http_requests_total{revision=~"blue|green"}[3600000ms])'));
});

test('a series that was away for longer than the window is not taken for a new one', async () => {
  const green = [...scraped(960, () => 5_000), ...scraped(1_200, () => 5_003, 1_025)];
  const { fake, read, begun } = await begin({ ...QUIET, 'revision=green,code=200': green });
  assert.deepEqual(begun.reading, {}, 'no sample in the last scrapes is no data');
  fake.nowS = 1_060;
  assert.equal((await read(begun.cursor)).reading.errors?.value.candidate.requests, 3);
});

test('however the step is cut into looks, and wherever a look fails, the sum is the same', async () => {
  const series: Series = {
    'revision=blue,code=200': scraped(1_400, (second) => (second < 1_130 ? second : second - 1_100)),
    'revision=green,code=200': scraped(1_400, (second) => 3 * second),
    'revision=green,code=503': scraped(1_400, (second) => second - 1_060, 1_065),
  };
  const counts = async (looks: readonly number[], failing?: number): Promise<unknown> => {
    const { fake, read, begun } = await begin(series);
    let { cursor } = begun;
    for (const [index, nowS] of looks.entries()) {
      fake.nowS = nowS;
      if (index === failing) {
        fake.instead = { status: 200, body: { status: 'success', warnings: ['a store is away'], data: { result: [] } } };
        ({ cursor } = await read(JSON.parse(JSON.stringify(cursor)) as Cursor));
        fake.instead = undefined;
      }
      ({ cursor } = await read(JSON.parse(JSON.stringify(cursor)) as Cursor));
    }
    return (await read(cursor)).reading.errors?.value;
  };
  const once = await counts([1_300]);
  assert.deepEqual(once, { stable: { requests: 130 + 165 + 30, bad: 0 }, candidate: { requests: 900 + 235, bad: 235 } });
  assert.deepEqual(await counts([1_001, 1_006, 1_066, 1_067, 1_134, 1_190, 1_300]), once);
  assert.deepEqual(await counts([1_066, 1_134, 1_300], 1), once);
});

test('an empty answer is no data, never zero', async () => {
  const { fake, read, begun, warnings } = await begin(QUIET);
  fake.series = {};
  assert.deepEqual((await read(begun.cursor)).reading, {});
  assert.match(warnings.join(), /no series of http_requests_total for stable/);
});

test('a revision that is no longer scraped grows old, and then is no data', async () => {
  const { fake, read, begun } = await begin({ ...QUIET, 'revision=green,code=200': flat(1_000) });
  fake.nowS = 1_020;
  const { reading, cursor } = await read(begun.cursor);
  assert.deepEqual([reading.errors?.ageMs, reading.errors?.at], [20_000, 1_000_000]);
  fake.nowS = 1_100;
  const later = await read(cursor);
  fake.nowS = 1_105;
  assert.equal((await read(later.cursor)).reading.errors, undefined);
});

for (const [what, body] of [
  ['warnings', { status: 'success', warnings: ['store 2 did not answer'], data: { resultType: 'matrix', result: [] } }],
  ['the mark of a partial answer', { status: 'success', isPartial: true, data: { resultType: 'matrix', result: [] } }],
] as const) {
  test(`${what}: no data, although the rest may be there, and the next whole answer carries the increment`, async () => {
    const { fake, read, begun, warnings } = await begin({
      ...QUIET,
      'revision=green,code=200': scraped(1_200, (second) => second),
    });
    fake.nowS = 1_050;
    fake.instead = { status: 200, body };
    const partial = await read(begun.cursor);
    assert.deepEqual(partial.reading, {});
    assert.match(warnings.join(), /the answer is partial/);
    fake.instead = undefined;
    fake.nowS = 1_100;
    assert.equal((await read(partial.cursor)).reading.errors?.value.candidate.requests, 100);
  });
}

test('samples that are NaN or infinite are left out; nothing but them is no data', async () => {
  const { fake, read, begun } = await begin({
    ...QUIET,
    'revision=green,code=200': scraped(1_200, (second) => (second % 10 === 0 ? 'NaN' : second)),
  });
  fake.nowS = 1_052;
  assert.equal((await read(begun.cursor)).reading.errors?.value.candidate.requests, 50);
  fake.series = { ...QUIET, 'revision=green,code=200': scraped(1_200, () => '+Inf') };
  assert.equal((await read(begun.cursor)).reading.errors, undefined);
});

for (const [status, kind] of [
  [400, 'permanent'],
  [401, 'permanent'],
  [404, 'permanent'],
  [422, 'permanent'],
  [408, 'transient'],
  [429, 'transient'],
  [500, 'transient'],
  [503, 'transient'],
  [302, 'transient'],
] as const) {
  test(`${String(status)} is a ${kind} error with what the server said`, async () => {
    const { fake, read, begun } = await begin(QUIET);
    fake.instead = { status, body: { status: 'error', error: 'query timed out' } };
    await assert.rejects(
      read(begun.cursor),
      (error) =>
        error instanceof ProviderError && error.kind === kind && error.message.includes(`${String(status)}: query timed out`),
    );
  });
}

for (const [what, body] of [
  ['no JSON', '<html>'],
  ['another shape', { status: 'success', data: { result: 7 } }],
  ['series without labels', { status: 'success', data: { result: [7] } }],
  ['samples that are none', { status: 'success', data: { result: [{ metric: {}, values: [['x', 1]] }] } }],
  ['values that are no numbers', { status: 'success', data: { result: [{ metric: {}, values: [[1, 'x']] }] } }],
] as const) {
  test(`an answer of ${what} is a transient error`, async () => {
    const { fake, read, begun } = await begin(QUIET);
    fake.instead = { status: 200, body };
    await assert.rejects(read(begun.cursor), (error) => error instanceof ProviderError && error.kind === 'transient');
  });
}

test('a clock that goes back, as behind a balancer of servers, counts nothing twice', async () => {
  const { fake, read, begun } = await begin({ ...QUIET, 'revision=green,code=200': scraped(1_200, (second) => second) });
  let { cursor } = begun;
  for (const nowS of [1_050, 1_030, 1_055, 1_100]) {
    fake.nowS = nowS;
    ({ cursor } = await read(cursor));
  }
  assert.equal((await read(cursor)).reading.errors?.value.candidate.requests, 100);
});

test('a queue’s age is that of its worst live partition; the last word of a partition that is gone counts no more', async () => {
  const age = { labels: { revision: {} }, scrapeIntervalMs: 5_000, metrics: { queueAgeS: { name: 'queue_age' } } } as const;
  const { begun } = await begin(
    { 'partition=1': scraped(1_200, () => 12), 'partition=2': scraped(1_200, () => 30), 'partition=3': scraped(985, () => 900) },
    age,
  );
  assert.equal(begun.reading.queueAgeS?.value, 30);
  assert.deepEqual((await begin({}, age)).begun.reading, {});
});

async function lookBack(series: Series, spanMs: number, options: Partial<PrometheusOptions> = OWN) {
  const { fake, source, warnings } = await begin(series, options);
  fake.nowS = 2_005;
  const told = await source.lookBack?.(TARGET, PAIR, 'begin', spanMs, new AbortController().signal);
  assert.ok(told);
  assert.equal(told.cursor, undefined, 'there is no more to gather');
  return { readings: told.readings, fake, warnings };
}

test('a look-back tells stable’s past in equal blocks, each as fresh as it was; the candidate need not exist', async () => {
  const { readings, fake } = await lookBack({ 'revision=blue,code=200': scraped(2_000, (second) => second) }, 100_000);
  assert.equal(readings.length, 20);
  assert.deepEqual(readings.at(-1)?.errors, {
    at: 2_000_000,
    ageMs: 0,
    elapsedMs: 100_000,
    value: { stable: { requests: 100, bad: 0 }, candidate: { requests: 0, bad: 0 } },
  });
  assert.equal(readings[3]?.errors?.value.stable.requests, 20);
  assert.ok(fake.queries.slice(1).every((query) => query.includes('{revision="blue"}')));
});

test('a look-back has blocks as short as the scrapes, and a long one at most 720', async () => {
  const series = { 'revision=blue,code=200': scraped(9_000, (second) => second, 0) };
  const { readings: hour } = await lookBack(series, 1_900_000);
  assert.ok(hour.length > 300, String(hour.length));
  const { readings: long } = await lookBack(series, 8_900_000);
  assert.ok(long.length > 600 && long.length <= 720, String(long.length));
});

test('replicas that restart, are born or were away in the look-back are counted as what they did', async () => {
  const replicas: Series = {
    'revision=blue,pod=a,code=200': scraped(2_000, (second) => (second <= 1_950 ? second : second - 1_950)),
    'revision=blue,pod=b,code=200': scraped(2_000, (second) => second - 1_965, 1_970),
    'revision=blue,pod=c,code=200': [...scraped(1_500, () => 7_000), ...scraped(2_000, () => 7_003, 1_985)],
  };
  const { readings } = await lookBack(replicas, 100_000, { ...OWN, labels: { ...OWN.labels, replica: 'pod' } });
  assert.deepEqual(readings.at(-1)?.errors?.value.stable.byReplica, {
    a: { requests: 50 + 50, bad: 0 },
    b: { requests: 35, bad: 0 },
    c: { requests: 3, bad: 0 },
  });
});

test('a family that cannot be had is left out of the look-back and told; when none can, it fails as a read does', async () => {
  const both = { ...OWN, metrics: { ...OWN.metrics, queueAgeS: { name: 'queue_age' } } } as const;
  const series = { 'revision=blue,code=200': scraped(2_000, (second) => second) };
  const { fake, source, warnings } = await begin(series, both);
  fake.nowS = 2_005;
  const ask = () => source.lookBack?.(TARGET, PAIR, 'begin', 100_000, new AbortController().signal);
  const answers = fake.server.handler;
  fake.server.handler = (request, response) => {
    if (request.url?.includes('queue_age') === true) response.writeHead(422).end('{"error":"too many samples"}');
    else answers(request, response);
  };
  const told = await ask();
  assert.deepEqual([told?.readings.at(-1)?.errors?.value.stable.requests, told?.readings.at(-1)?.queueAgeS], [100, undefined]);
  assert.equal(warnings.filter((one) => /no look-back for app: queueAgeS: .*too many samples/.test(one)).length, 1);
  fake.instead = { status: 503, body: { status: 'error', error: 'starting' } };
  await assert.rejects(Promise.resolve(ask()), (error) => error instanceof ProviderError && error.message.includes('starting'));
});

const OWN_GATES: MeasuredPair = {
  ...PAIR,
  custom: {
    checkout: {
      source: 'x',
      kind: 'proportion',
      comparison: 'stable',
      bad: { kind: 'metric', name: 'http_requests_total', where: { code: '4..' } },
      all: { kind: 'metric', name: 'http_requests_total', where: {} },
    },
    refused: {
      source: 'x',
      kind: 'proportion',
      comparison: 'absolute',
      bad: { kind: 'promql', parts: ['refused{r=~"', { fill: 'release', as: 'pattern' }, '"}'] },
      all: { kind: 'promql', parts: ['asked{r="', { fill: 'revision', as: 'text' }, '"}'] },
    },
    load: {
      source: 'x',
      kind: 'value',
      fails: 'above',
      value: { kind: 'promql', parts: ['max_over_time(load[', { fill: 'window', as: 'duration' }, '])'] },
    },
  },
};

test('a rollout’s own gates are read beside the signals: metrics as mapped, expressions once for each revision', async () => {
  const { fake, source } = await begin({
    'revision=blue,code=200': scraped(1_200, (second) => second),
    'revision=blue,code=404': flat(1_200),
    'revision=green,code=404': scraped(1_200, (second) => second),
  });
  const pair: MeasuredPair = { ...OWN_GATES, candidate: { id: 'green', slot: 'green', release: 'v1.2+"x' } };
  const read = (cursor: Cursor) => source.read(TARGET, pair, cursor, new AbortController().signal);
  fake.queries.length = 0;
  const { cursor } = await read('begin');
  fake.nowS = 1_065;
  const { reading } = await read(cursor);
  assert.deepEqual(reading.custom?.['checkout']?.value, {
    stable: { requests: 65, bad: 0 },
    candidate: { requests: 65, bad: 65 },
  });
  const asked = fake.queries.slice(fake.queries.length / 2).join('\n');
  assert.ok(asked.includes('(refused{r=~"v1\\\\.2\\\\+\\"x"}\n)[85000ms:5000ms]'), asked);
  assert.ok(
    asked.includes('(asked{r="green"}\n)[85000ms:5000ms]') && !asked.includes('blue"}\n)'),
    'absolute: the candidate alone',
  );
  assert.ok(asked.includes('(max_over_time(load[65000ms])\n)'), asked);
});

test('a look-back has no part of what is measured of the candidate alone', async () => {
  const { fake, source } = await begin({ 'revision=blue,code=404': scraped(2_000, (second) => second) });
  fake.nowS = 2_005;
  fake.queries.length = 0;
  const told = await source.lookBack?.(TARGET, OWN_GATES, 'begin', 100_000, new AbortController().signal);
  assert.deepEqual(Object.keys(told?.readings.at(-1)?.custom ?? {}), ['checkout']);
  assert.deepEqual(told?.readings.at(-1)?.custom?.['checkout']?.value, {
    stable: { requests: 100, bad: 100 },
    candidate: { requests: 0, bad: 0 },
  });
  assert.ok(!fake.queries.join().includes('refused') && !fake.queries.join().includes('load'));
});

test('a gate that nobody defined is a permanent error', async () => {
  const { source } = await begin(QUIET);
  const pair: MeasuredPair = { ...PAIR, custom: { x: { source: 'x', kind: 'mapped', comparison: 'stable' } } };
  await assert.rejects(
    source.read(TARGET, pair, 'begin', new AbortController().signal),
    (error) => error instanceof ProviderError && error.kind === 'permanent' && /knows no gate "x"/.test(error.message),
  );
});

test('label values are quoted, so that a release cannot break out of its selector', () => {
  assert.equal(
    selectorOf('a', [
      ['s', ['x"} or b{y="']],
      ['r', ['v1.2+3', 'a|b\n', 'v1.2+3']],
    ]),
    String.raw`a{s="x\"} or b{y=\"",r=~"v1\\.2\\+3|a\\|b\n"}`,
  );
});
