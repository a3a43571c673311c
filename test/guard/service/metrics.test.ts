import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Registry } from 'prom-client';
import { GUARD_EVENT_KINDS } from '../../../src/guard/events.js';
import { ServiceMetrics } from '../../../src/guard/service/metrics.js';
import { Service } from '../../../src/guard/service/service.js';

const GREEN = { releaseId: 'v2', revision: 'green' };
const BLUE = { releaseId: 'v1', revision: 'blue' };

/** Series of ours by name and labels, without those of the process. */
async function series(metrics: ServiceMetrics): Promise<Map<string, number>> {
  const lines = (await metrics.text()).split('\n').filter((line) => line.startsWith('sluice_guard_'));
  return new Map(
    lines.map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ') + 1))] as const),
  );
}

const total = (all: ReadonlyMap<string, number>, ...fragments: readonly string[]): number =>
  [...all].reduce((sum, [name, value]) => (fragments.every((one) => name.includes(one)) ? sum + value : sum), 0);

test('every series says service, release and revision, and exists with 0 before anything has happened', async () => {
  const metrics = new ServiceMetrics('orders');
  metrics.of(GREEN);
  const all = await series(metrics);
  for (const name of all.keys())
    for (const label of ['service="orders"', 'release_id="v2"', 'revision="green"']) assert.ok(name.includes(label), name);
  assert.deepEqual([...new Set(all.values())], [0]);
  for (const kind of GUARD_EVENT_KINDS)
    assert.equal([...all.keys()].filter((name) => name.includes(`"${kind}"`)).length, 2, kind);
  for (const family of ['requests_total', 'pinned_requests_total', 'streams_cut_total', 'cold_starts_total', 'retries_total'])
    assert.ok(
      [...all.keys()].some((name) => name.startsWith(`sluice_guard_${family}{`)),
      family,
    );
  assert.match(await metrics.text(), /^process_start_time_seconds \d+/m);
});

test('latency bounds lie a tenth apart, from a millisecond to a minute', async () => {
  const metrics = new ServiceMetrics('orders');
  metrics.of(GREEN);
  const bounds = [...(await series(metrics)).keys()]
    .flatMap((name) => /_bucket\{le="([\d.]+)"/.exec(name)?.[1] ?? [])
    .map(Number);
  assert.equal(bounds[0], 0.001);
  assert.ok((bounds.at(-1) ?? 0) >= 60, String(bounds.at(-1)));
  for (const [index, bound] of bounds.slice(1).entries()) assert.equal((bound / (bounds[index] ?? 0)).toFixed(6), '1.100000');
});

test('what only would have happened is counted apart', async () => {
  const metrics = new ServiceMetrics('orders');
  const counts = metrics.of(GREEN);
  counts.event({ kind: 'replayed', route: '/a', observed: false });
  counts.event({ kind: 'replayed', route: '/b', observed: true });
  const all = await series(metrics);
  assert.equal(total(all, 'events_total', 'kind="replayed"'), 1);
  assert.equal(total(all, 'observed_total', 'kind="replayed"'), 1);
});

test('routes make no series: their number does not grow with what callers ask for', async () => {
  const metrics = new ServiceMetrics('orders');
  const counts = metrics.of(GREEN);
  const before = (await series(metrics)).size;
  for (let number = 0; number < 1_000; number++) {
    counts.event({ kind: 'executed', route: `/orders/${number}`, observed: false });
    counts.answered({ status: 100 + number, cold: number % 2 === 0, waitedMs: number });
  }
  assert.equal((await series(metrics)).size, before);
});

test('a retired release leaves nothing behind, and a late answer does not bring it back', async () => {
  const metrics = new ServiceMetrics('orders');
  const old = metrics.of(BLUE);
  metrics.queueAge(BLUE, 'mails', () => 3);
  const young = metrics.of(GREEN);
  await series(metrics);
  metrics.retire('v1');
  old.answered({ status: 200, cold: true, waitedMs: 5 });
  old.cut('server');
  old.openStreams(1);
  old.event({ kind: 'executed', route: '/', observed: false });
  young.answered({ status: 200, cold: false, waitedMs: 5 });
  const all = await series(metrics);
  assert.equal([...all.keys()].filter((name) => name.includes('release_id="v1"')).length, 0);
  assert.equal(total(all, 'requests_total{', 'release_id="v2"', 'code="2xx"'), 1);
});

test('of more releases than are allowed the oldest goes', async () => {
  const metrics = new ServiceMetrics('orders', { releases: 2 });
  for (const releaseId of ['v1', 'v2', 'v1', 'v3']) metrics.of({ releaseId, revision: 'green' });
  const text = await metrics.text();
  assert.deepEqual([...new Set([...text.matchAll(/release_id="(\w+)"/g)].map(([, release]) => release))].sort(), ['v2', 'v3']);
});

test('the age of a queue is asked at each scrape; one that cannot be read has no series, and an empty queue is 0', async () => {
  const service = new Service({ name: 'orders', ...GREEN });
  let age: () => number | undefined = () => 0;
  service.queueAge('mails', () => age());
  const seen = async (): Promise<number | undefined> =>
    [...(await series(service.metrics))].find(([name]) => name.includes('queue_age_seconds'))?.[1];
  assert.equal(await seen(), 0);
  age = () => 12.5;
  assert.equal(await seen(), 12.5);
  for (const unknown of [() => undefined, () => NaN, () => -1]) {
    age = unknown;
    assert.equal(await seen(), undefined);
  }
  age = () => {
    throw new Error('the queue is away');
  };
  assert.equal(await seen(), undefined);
  assert.deepEqual(service.identity().parts, ['metrics', 'queue-age']);
});

test('beside metrics of the service’s own it takes their registry, and the start of the process stands there once', async () => {
  const registry = new Registry();
  new ServiceMetrics('orders', { registry });
  const other = new Registry();
  const service = new Service({ name: 'orders', ...GREEN, metrics: { registry: other } });
  assert.equal((await service.metrics.text()).match(/^process_start_time_seconds /gm)?.length, 1);
  assert.equal(service.metrics.registry, other);
});
