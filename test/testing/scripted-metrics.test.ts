import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Cursor, Reading } from '../../src/domain/reading.js';
import { ScriptedMetrics, type ScriptedMetricsOptions } from '../../src/testing/index.js';

const target = { service: 'app', environment: 'production' };
const pair = { stable: { id: 'blue', release: 'r1' }, candidate: { id: 'green', release: 'r2' } };
const signal = new AbortController().signal;

function source(options: Partial<ScriptedMetricsOptions> = {}): {
  readonly metrics: ScriptedMetrics;
  readonly pass: (ms: number) => void;
  readonly read: (cursor: Cursor) => Promise<{ reading: Reading; cursor: Cursor }>;
} {
  let now = 1_000;
  const metrics = new ScriptedMetrics({ now: () => now, ...options });
  return { metrics, pass: (ms) => (now += ms), read: (cursor) => metrics.read(target, pair, cursor, signal) };
}

void test('a step begins at zeros, and readings are cumulative since then, per revision', async () => {
  const { metrics, pass, read } = source({ boundsMs: [10, 100] });
  metrics.happen('blue', { requests: 1_000, bad: 7 });
  const begun = await read('begin');
  assert.deepEqual(begun.reading.errors?.value.stable, { requests: 0, bad: 0, cutStreams: 0 });
  pass(5_000);
  metrics.happen('blue', { requests: 10, bad: 1, latenciesMs: [5, 50, 500] });
  metrics.happen('green', { requests: 3, cutStreams: 1, bad: 1, latenciesMs: [10] });
  const first = await read(begun.cursor);
  assert.deepEqual(first.reading.errors, {
    at: 6_000,
    ageMs: 0,
    elapsedMs: 5_000,
    value: { stable: { requests: 10, bad: 1, cutStreams: 0 }, candidate: { requests: 3, bad: 1, cutStreams: 1 } },
  });
  assert.deepEqual(first.reading.latency?.value, { boundsMs: [10, 100], counts: { stable: [1, 1, 1], candidate: [1, 0, 0] } });
  metrics.happen('green', { requests: 2 });
  assert.equal((await read(first.cursor)).reading.errors?.value.candidate.requests, 5);
});

void test('a cursor is JSON, and another worker may go on with it', async () => {
  const { metrics, read } = source();
  const { cursor } = await read('begin');
  metrics.happen('green', { requests: 4 });
  const { reading } = await read(JSON.parse(JSON.stringify(cursor)) as Cursor);
  assert.equal(reading.errors?.value.candidate.requests, 4);
});

void test('a signal that is not given is absent, and never zero', async () => {
  const { metrics, read } = source({ signals: ['errors', 'queueAgeS', 'dedupe', 'custom'] });
  const { cursor } = await read('begin');
  metrics.happenedAgain({ replays: 10, misses: 1 });
  metrics.happen('green', { custom: { checkout: { requests: 5, bad: 2 } }, coldStarts: { requests: 1, bad: 1 } });
  const { reading } = await read(cursor);
  assert.deepEqual(Object.keys(reading).sort(), ['custom', 'dedupe', 'errors']);
  assert.deepEqual(reading.dedupe?.value, { replays: 10, misses: 1, duplicateEffects: 0 });
  assert.deepEqual(reading.custom?.['checkout']?.value, { stable: { requests: 0, bad: 0 }, candidate: { requests: 5, bad: 2 } });
  metrics.values.set('load', 0.7);
  assert.equal((await read(cursor)).reading.custom?.['load']?.value, 0.7);
  metrics.queueAgeS = 3;
  assert.equal((await read(cursor)).reading.queueAgeS?.value, 3);
});

void test('a frozen source grows old, a failing one throws, and a restarted revision counts on from zero', async () => {
  const { metrics, pass, read } = source();
  metrics.happen('green', { requests: 100 });
  const { cursor } = await read('begin');
  metrics.freeze();
  pass(20_000);
  assert.deepEqual([(await read(cursor)).reading.errors?.ageMs, (await read(cursor)).reading.errors?.elapsedMs], [20_000, 0]);
  metrics.thaw();
  metrics.restart('green');
  metrics.happen('green', { requests: 7 });
  assert.equal((await read(cursor)).reading.errors?.value.candidate.requests, 7);
  metrics.failure = new Error('down');
  await assert.rejects(read(cursor), /down/);
  await assert.rejects(metrics.read(target, pair, cursor, AbortSignal.abort()), { kind: 'transient' });
});

void test('users can be played, one read after the other', async () => {
  const { read } = source({
    play: (metrics, { candidate }, number) => {
      metrics.happen(candidate.id, { requests: number });
    },
  });
  const { cursor } = await read('begin');
  await read(cursor);
  assert.equal((await read(cursor)).reading.errors?.value.candidate.requests, 5);
});

void test('a look-back gathers what happened at stable, without a play and without the candidate', async () => {
  let plays = 0;
  const { metrics, pass } = source({ play: () => plays++ });
  const ask = async (cursor: Cursor) => metrics.lookBack(target, pair, cursor, 60_000, signal);
  metrics.happen('blue', { requests: 100 });
  const begun = await ask('begin');
  assert.deepEqual(begun.readings, []);
  pass(5_000);
  metrics.happen('blue', { requests: 30, bad: 2 });
  metrics.happen('green', { requests: 9, bad: 9 });
  const { readings } = await ask(begun.cursor ?? null);
  assert.deepEqual(
    readings.map(({ errors }) => [errors?.elapsedMs, errors?.value]),
    [[5_000, { stable: { requests: 30, bad: 2, cutStreams: 0 }, candidate: { requests: 0, bad: 0, cutStreams: 0 } }]],
  );
  assert.equal(plays, 0);
});
