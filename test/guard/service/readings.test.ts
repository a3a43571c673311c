/** The controller reads what services show with no mapping but `from: guard`, and the judge finds in it what it needs. */
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { after, test } from 'node:test';
import pino from 'pino';
import type { Reading } from '../../../src/domain/reading.js';
import { Service } from '../../../src/guard/service/service.js';
import { serviceEndpoints } from '../../../src/guard/service/node.js';
import type { MetricSource } from '../../../src/providers/ports.js';
import { mappingOf, metricsMaker } from '../../../src/worker/metric-sources.js';

const TARGET = { service: 'orders', environment: 'test' };
const PAIR = {
  stable: { id: 'blue', release: 'v1', slot: 'blue' },
  candidate: { id: 'green', release: 'v2', slot: 'green' },
} as const;

const servers: ReturnType<typeof createServer>[] = [];
after(() => {
  for (const server of servers) server.close().closeAllConnections();
});

async function shown(service: Service): Promise<string> {
  const server = createServer(serviceEndpoints(service)).listen(0, '127.0.0.1');
  servers.push(server);
  await once(server, 'listening');
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/metrics`;
}

const stable = new Service({ name: 'orders', releaseId: 'v1', revision: 'blue' });
const candidate = new Service({ name: 'orders', releaseId: 'v2', revision: 'green' });
const urls = [await shown(stable), await shown(candidate)];

const source = (more: Parameters<typeof mappingOf>[0] = {}): MetricSource =>
  metricsMaker(pino({ level: 'silent' }))({ type: 'scrape', from: 'guard', urls, ...more });

async function during(one: MetricSource, act: () => void): Promise<Reading> {
  const signal = AbortSignal.timeout(10_000);
  const begun = await one.read(TARGET, PAIR, 'begin', signal);
  act();
  return (await one.read(TARGET, PAIR, begun.cursor, signal)).reading;
}

function answer(service: Service, status: number, contentType?: string): void {
  const visit = service.visit('weight');
  visit.head(status, contentType);
  visit.end('whole');
}

test('errors, cut streams, latencies and cold starts are read for each revision', async () => {
  const { errors, latency, coldStarts, schemaRefusals } = await during(source(), () => {
    for (let number = 0; number < 5; number++) answer(stable, 200);
    for (let number = 0; number < 3; number++) answer(candidate, 200);
    answer(candidate, 503);
    const cut = candidate.visit(undefined);
    cut.head(200, 'text/event-stream');
    cut.end('cut');
    candidate.onEvent({ kind: 'pins-differ', route: '/', observed: false });
    candidate.visit('pin').end('whole');
  });
  assert.deepEqual(errors?.value, {
    stable: { requests: 5, bad: 0, cutStreams: 0 },
    candidate: { requests: 5, bad: 2, cutStreams: 1 },
  });
  assert.deepEqual(coldStarts?.value, { stable: { requests: 5, bad: 1 }, candidate: { requests: 5, bad: 1 } });
  const sum = (counts: readonly number[] = []): number => counts.reduce((all, one) => all + one, 0);
  assert.deepEqual([sum(latency?.value.counts.stable), sum(latency?.value.counts.candidate)], [4, 4]);
  assert.equal(latency?.value.boundsMs.length, 117);
  assert.deepEqual(schemaRefusals?.value, { stable: 0, candidate: 1 });
});

test('a replay is answered from the record or comes twice; a retry of what was lost is no replay', async () => {
  const guard = (service: Service, kind: 'replayed' | 'unknown' | 'takeover' | 'executed', isObserved = false): void => {
    service.onEvent({ kind, route: '/orders', observed: isObserved });
  };
  const { dedupe } = await during(source(), () => {
    for (let number = 0; number < 4; number++) guard(stable, 'replayed');
    guard(candidate, 'replayed');
    guard(candidate, 'unknown');
    guard(candidate, 'takeover');
    guard(candidate, 'executed');
    guard(candidate, 'replayed', true);
  });
  assert.deepEqual(dedupe?.value, { replays: 5, misses: 0, duplicateEffects: 0 });
  const twice = await during(source(), () => {
    candidate.duplicateEffect('/orders');
  });
  assert.deepEqual(twice.dedupe?.value, { replays: 1, misses: 1, duplicateEffects: 1 });
});

test('a service without a queue is not judged by one; with `names` the age of queues is read as well, the oldest', async () => {
  assert.equal((await source().describe(TARGET)).signals.includes('queueAgeS'), false);
  stable.queueAge('mails', () => 2);
  candidate.queueAge('invoices', () => 7);
  const { queueAgeS, errors } = await during(source({ names: { queueAge: 'sluice_guard_queue_age_seconds' } }), () => undefined);
  assert.equal(queueAgeS?.value, 7);
  assert.ok(errors, 'names add to what the guard shows');
});

test('labels of one’s own leave the rest as the guard has it', () => {
  const { labels, metrics } = mappingOf({ from: 'guard', labels: { fixed: { cluster: 'eu' } } });
  assert.deepEqual(labels, {
    service: 'service',
    revision: { revision: 'slot', release_id: 'release' },
    replica: 'instance',
    fixed: { cluster: 'eu' },
  });
  assert.deepEqual(Object.keys(metrics ?? {}), ['errors', 'latency', 'coldStarts', 'dedupe', 'schemaRefusals']);
  assert.deepEqual(mappingOf({ from: 'exporter' }), {}, 'as where nothing is said');
});
