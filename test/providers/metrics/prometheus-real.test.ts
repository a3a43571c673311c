/** Against a real Prometheus: what it stores is what we count (peers-on-machine.md §6). */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { Cursor, Reading } from '../../../src/domain/reading.js';
import { startExporter, type Exporter } from '../../../src/dataplane/exporter/exporter.js';
import { ProviderError } from '../../../src/providers/errors.js';
import { prometheusSource } from '../../../src/providers/metrics/prometheus.js';
import { untilSeen } from '../../harness/until.js';
import { line, send } from '../../dataplane/exporter/lines.js';
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
let candidate: Pod;
let prometheus: PrometheusServer;
let source: ReturnType<typeof prometheusSource>;
let exporter: Exporter;

before(async () => {
  if (skip !== false) return;
  [stable, candidate] = await Promise.all([Pod.start('r1'), Pod.start('r2')]);
  stable.serve('200', 1_000);
  stable.serve('500', 5);
  exporter = await startExporter({ udpPort: 0, httpPort: 0, services: [{ name: 'app' }] });
  prometheus = await PrometheusServer.start({
    exporter: [new URL(exporter.addresses.http.url).host],
    pods: [stable, candidate].map(({ server }) => new URL(server.url).host),
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
  await Promise.all([stable.server.stop(), candidate.server.stop(), exporter.close()]);
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
