/** Against a real Prometheus: what it stores is what we count (peers-on-machine.md §6). */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { Cursor, Reading } from '../../../src/domain/reading.js';
import { startExporter, type Exporter } from '../../../src/dataplane/exporter/exporter.js';
import { ProviderError } from '../../../src/providers/errors.js';
import { prometheusSource } from '../../../src/providers/metrics/prometheus.js';
import { judge, openEvidence } from '../../../src/judge/judge.js';
import { learn } from '../../../src/judge/look-back.js';
import { gate, policy, sample } from '../../judge/traffic.js';
import { untilSeen } from '../../harness/until.js';
import { line, send } from '../../dataplane/exporter/lines.js';
import type { MeasuredPair } from '../../../src/providers/ports.js';
import { MetricsServer } from './metrics-server.js';
import { PrometheusServer, withoutPrometheus } from './prometheus-server.js';
import { PAIR, TARGET } from './step.js';

const skip = withoutPrometheus;

/** One process of a service that labels by release and starts its counters at 0, as a good one does. */
class Pod {
  #registry = new Registry();
  #requests!: Counter;
  #latency!: Histogram;

  private constructor(
    readonly server: MetricsServer,
    private readonly release: string,
  ) {
    this.restart();
  }

  static async start(release: string): Promise<Pod> {
    const server = await MetricsServer.start((_request, response) => {
      void pod.#registry
        .metrics()
        .then((text) => response.writeHead(200, { 'content-type': pod.#registry.contentType }).end(text));
    });
    const pod = new Pod(server, release);
    return pod;
  }

  /** As a new process: every counter begins at 0. */
  restart(): void {
    const registers = [(this.#registry = new Registry())];
    this.#registry.setDefaultLabels({ version: this.release });
    this.#requests = new Counter({ name: 'http_requests_total', help: '-', labelNames: ['code'], registers });
    this.#latency = new Histogram({ name: 'http_latency_seconds', help: '-', buckets: [0.05, 0.1, 0.2], registers });
    new Gauge({ name: 'queue_age_seconds', help: '-', registers }).set(3);
    this.#requests.inc({ code: '200' }, 0);
  }

  serve(code: string, times: number, seconds = 0.04): void {
    for (let i = 0; i < times; i++) {
      this.#requests.inc({ code });
      this.#latency.observe(seconds);
    }
  }
}

let stable: Pod;
/** Two replicas of a release that only the look-back looks at. */
let replicas: readonly [Pod, Pod];
let candidate: Pod;
let prometheus: PrometheusServer;
let source: ReturnType<typeof prometheusSource>;
let exporter: Exporter;

before(async () => {
  if (skip !== false) return;
  [stable, candidate] = await Promise.all([Pod.start('r1'), Pod.start('r2')]);
  stable.serve('200', 1_000);
  stable.serve('500', 5);
  replicas = await Promise.all([Pod.start('r0'), Pod.start('r0')]);
  exporter = await startExporter({ udpPort: 0, httpPort: 0, services: [{ name: 'app' }] });
  prometheus = await PrometheusServer.start({
    exporter: [new URL(exporter.addresses.http.url).host],
    pods: [stable, candidate, ...replicas].map(({ server }) => new URL(server.url).host),
  });
  source = prometheusSource({
    url: prometheus.url,
    scrapeIntervalMs: 1_000,
    labels: { revision: { version: 'release' }, replica: 'instance' },
    metrics: {
      errors: { requests: { name: 'http_requests_total' }, bad: { name: 'http_requests_total', where: { code: '5..' } } },
      latency: { name: 'http_latency_seconds' },
      queueAgeS: { name: 'queue_age_seconds' },
    },
  });
});

after(async () => {
  if (skip !== false) return;
  await prometheus.stop();
  await Promise.all([...[stable, candidate, ...replicas].map(({ server }) => server.stop()), exporter.close()]);
});

const read = (cursor: Cursor): Promise<{ reading: Reading; cursor: Cursor }> =>
  source.read(TARGET, PAIR, cursor, AbortSignal.timeout(10_000));

/** A step begins when both revisions are seen. */
async function begin(): Promise<Cursor> {
  const begun = await untilSeen(
    () => read('begin'),
    ({ reading }) => reading.errors !== undefined && reading.latency !== undefined,
    { withinMs: 20_000, what: 'a reading of both revisions', everyMs: 200 },
  );
  return begun.cursor;
}

/** Goes on from look to look, as the supervision does, until the counts are these; then some seconds more, in which they must not change. */
async function counts(cursor: Cursor, expected: { stable: [number, number]; candidate: [number, number] }): Promise<Reading> {
  let at = cursor;
  let looks = 0;
  const next = async (): Promise<Reading> => {
    looks++;
    const answer = await read(at);
    at = JSON.parse(JSON.stringify(answer.cursor)) as Cursor;
    return answer.reading;
  };
  const pairs = ({ errors }: Reading): unknown =>
    errors && {
      stable: [errors.value.stable.requests, errors.value.stable.bad],
      candidate: [errors.value.candidate.requests, errors.value.candidate.bad],
    };
  const isExpected = (reading: Reading): boolean => JSON.stringify(pairs(reading)) === JSON.stringify(expected);
  const reached = await untilSeen(next, isExpected, {
    withinMs: 15_000,
    what: `counts of ${JSON.stringify(expected)}`,
    everyMs: 300,
  });
  const settledAt = (reached.errors?.at ?? 0) + 2_000;
  const settled = await untilSeen(next, ({ errors }) => (errors?.at ?? 0) >= settledAt, {
    withinMs: 15_000,
    what: 'two more scrapes',
    everyMs: 300,
  });
  assert.deepEqual(pairs(settled), expected, `after ${String(looks)} looks`);
  const atOnce = (await read(cursor)).reading;
  assert.deepEqual(
    [pairs(atOnce), atOnce.latency?.value],
    [pairs(settled), settled.latency?.value],
    'one look over the whole step says the same',
  );
  return settled;
}

test('counts and buckets are exact, and the first error of a release is one error', { skip }, async () => {
  const cursor = await begin();
  candidate.serve('200', 18, 0.15);
  candidate.serve('503', 1, 0.3);
  stable.serve('200', 40);
  const { latency, errors, queueAgeS } = await counts(cursor, { stable: [40, 0], candidate: [19, 1] });
  assert.deepEqual(latency?.value, { boundsMs: [50, 100, 200], counts: { stable: [40, 0, 0, 0], candidate: [0, 0, 18, 1] } });
  assert.deepEqual(errors?.value.candidate.byReplica, { [new URL(candidate.server.url).host]: { requests: 19, bad: 1 } });
  assert.equal(queueAgeS?.value, 3);
  assert.ok(errors.elapsedMs > 1_000 && errors.ageMs < 6_000);
});

test('a restart in the step counts what happened before and after it', { skip }, async () => {
  const cursor = await begin();
  stable.serve('200', 5);
  const beforeRestart = await counts(cursor, { stable: [5, 0], candidate: [0, 0] });
  stable.restart();
  stable.serve('200', 7);
  const after = await counts(cursor, { stable: [12, 0], candidate: [0, 0] });
  assert.deepEqual(
    [beforeRestart.latency?.value.counts.stable, after.latency?.value.counts.stable],
    [
      [5, 0, 0, 0],
      [12, 0, 0, 0],
    ],
  );
});

test('a revision that cannot be scraped any more grows old and then is no data, never zero errors', { skip }, async () => {
  const cursor = await begin();
  await candidate.server.stop();
  const old = await untilSeen(
    () => read(cursor),
    ({ reading }) => (reading.errors?.ageMs ?? 0) > 4_000,
    { withinMs: 15_000, what: 'an old sample', everyMs: 300 },
  );
  assert.deepEqual(old.reading.errors?.value.candidate.requests, 0);
  let at = old.cursor;
  const gone = await untilSeen(
    async () => {
      const answer = await read(at);
      at = answer.cursor;
      return answer.reading;
    },
    ({ errors }) => errors === undefined,
    { withinMs: 15_000, what: 'no data', everyMs: 300 },
  );
  assert.deepEqual([gone.errors, gone.latency], [undefined, undefined]);
  candidate = await Pod.start('r2');
});

test(
  'a look-back over what Prometheus remembers has every request of stable’s replicas, and teaches how they burst',
  { skip },
  async () => {
    const [a, b] = replicas;
    const pair = { stable: { id: 'old', release: 'r0' }, candidate: { id: 'nobody', release: 'r9' } };
    const lookBack = async (): Promise<readonly Reading[]> => {
      const told = await source.lookBack?.(TARGET, pair, 'begin', 60_000, AbortSignal.timeout(10_000));
      return told?.readings ?? [];
    };
    const totals = (readings: readonly Reading[]): unknown => {
      const errors = readings.at(-1)?.errors?.value;
      return [errors?.stable.requests, errors?.stable.bad, errors?.candidate.requests];
    };
    await untilSeen(lookBack, (readings) => JSON.stringify(totals(readings)) === '[0,0,0]', {
      withinMs: 20_000,
      what: 'replicas that have been scraped',
      everyMs: 300,
    });
    // Ten bad ones at once on one replica, and a restart of the other.
    for (let burst = 1; burst <= 12; burst++) {
      a.serve('200', burst % 3 === 0 ? 40 : 50);
      if (burst % 3 === 0) a.serve('500', 10);
      b.serve('200', 50);
      if (burst === 6) {
        await untilSeen(lookBack, (readings) => JSON.stringify(totals(readings)) === '[600,20,0]', {
          withinMs: 15_000,
          what: 'the first half',
          everyMs: 300,
        });
        b.restart();
      } else {
        const before = 50 * 2 * burst;
        await untilSeen(lookBack, (readings) => readings.at(-1)?.errors?.value.stable.requests === before, {
          withinMs: 15_000,
          what: `${String(before)} requests`,
          everyMs: 200,
        });
      }
    }
    const readings = await lookBack();
    assert.deepEqual(totals(readings), [1_200, 40, 0]);
    const last = readings.at(-1);
    assert.deepEqual(last?.errors?.value.stable.byReplica, {
      [new URL(a.server.url).host]: { requests: 600, bad: 40 },
      [new URL(b.server.url).host]: { requests: 600, bad: 0 },
    });
    assert.deepEqual(last.latency?.value.counts.stable, [1_200, 0, 0, 0]);
    assert.equal(last.errors.elapsedMs, 60_000);
    const step = policy({ gates: [gate('errors')], weightBp: 100 });
    const tick = { errors: sample(5_000, { candidate: { requests: 3, bad: 3 }, stable: { requests: 297, bad: 0 } }) };
    const verdict = (learnt: readonly Reading[]) =>
      judge(step, openEvidence(step, learn(step, [learnt])), tick).verdicts[0]?.verdict;
    assert.deepEqual([verdict([]), verdict(readings)], ['fail', 'inconclusive']);
  },
);

test(
  'expressions of a rollout’s own gates are counted exactly by replica, and a value is the one that Prometheus gives',
  { skip },
  async () => {
    const [a, b] = replicas;
    const pair: MeasuredPair = {
      stable: { id: 'old', release: 'r0' },
      candidate: { id: 'new', release: 'r1' },
      custom: {
        failing: {
          source: 'x',
          kind: 'proportion',
          comparison: 'stable',
          bad: {
            kind: 'promql',
            parts: [
              'http_requests_total{code=~"5..|none", version=~"',
              { fill: 'release', as: 'pattern' },
              '"} or 0 * http_requests_total{code="200", version="',
              { fill: 'release', as: 'text' },
              '"}',
            ],
          },
          all: { kind: 'promql', parts: ['http_requests_total{version="', { fill: 'release', as: 'text' }, '"}'] },
        },
        queue: {
          source: 'x',
          kind: 'value',
          fails: 'above',
          value: { kind: 'promql', parts: ['max(queue_age_seconds{version="', { fill: 'release', as: 'text' }, '"})'] },
        },
        several: { source: 'x', kind: 'value', fails: 'above', value: { kind: 'promql', parts: ['queue_age_seconds'] } },
      },
    };
    const ask = (cursor: Cursor) => source.read(TARGET, pair, cursor, AbortSignal.timeout(10_000));
    // An expression is evaluated once a scrape: what the tests before did must lie two of them back.
    const quiet = Date.now() + 3_000;
    let { cursor } = await untilSeen(
      () => ask('begin'),
      ({ reading }) => (reading.custom?.['failing']?.at ?? 0) >= quiet && reading.custom?.['queue'] !== undefined,
      { withinMs: 20_000, what: 'both revisions', everyMs: 300 },
    );
    a.serve('200', 30);
    b.serve('500', 4);
    stable.serve('200', 21);
    const reading = await untilSeen(
      async () => {
        const answer = await ask(cursor);
        cursor = answer.cursor;
        return answer.reading;
      },
      ({ custom }) =>
        JSON.stringify(custom?.['failing']?.value) === '{"stable":{"requests":34,"bad":4},"candidate":{"requests":21,"bad":0}}',
      { withinMs: 60_000, what: 'the counts', everyMs: 300 },
    );
    assert.equal(reading.custom?.['queue']?.value, 3);
    assert.equal(reading.custom['several'], undefined, 'of several values nobody could say which is meant');
  },
);

test('the exporter’s metrics are understood without any mapping, also by way of Prometheus', { skip }, async () => {
  const router = prometheusSource({ url: prometheus.url, scrapeIntervalMs: 1_000 });
  let { cursor } = await router.read(TARGET, PAIR, 'begin', AbortSignal.timeout(5_000));
  await send(exporter, [
    line(),
    line({ release: '-', st: 500 }),
    line({ slot: 'green', role: 'candidate', release: 'r2', ts: 'SD--' }),
    line({ why: 'pin' }),
  ]);
  const next = async (): Promise<Reading> => {
    const answer = await router.read(TARGET, PAIR, cursor, AbortSignal.timeout(5_000));
    cursor = answer.cursor;
    return answer.reading;
  };
  const reading = await untilSeen(next, ({ errors }) => errors?.value.candidate.requests === 1, {
    withinMs: 15_000,
    what: 'the candidate’s request',
    everyMs: 300,
  });
  assert.deepEqual(reading.errors?.value, {
    stable: { requests: 2, bad: 1, cutStreams: 0 },
    candidate: { requests: 1, bad: 1, cutStreams: 1 },
  });
  assert.equal(
    reading.latency?.value.counts.stable.reduce((sum, count) => sum + count, 0),
    2,
  );
});

test('a family that does not exist is no data; an address that is no API is a permanent error', { skip }, async () => {
  const options = {
    labels: { revision: { version: 'release' } },
    metrics: { schemaRefusals: { name: 'nobody_counts_this' } },
    scrapeIntervalMs: 1_000,
  } as const;
  const readFrom = (url: string) => prometheusSource({ url, ...options }).read(TARGET, PAIR, 'begin', AbortSignal.timeout(5_000));
  assert.deepEqual((await readFrom(prometheus.url)).reading, {});
  await assert.rejects(
    readFrom(`${prometheus.url}/graph`),
    (error) => error instanceof ProviderError && error.kind === 'permanent' && error.message.includes('answered 404'),
  );
});
