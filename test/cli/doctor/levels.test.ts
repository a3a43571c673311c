/** What `doctor --service` says of a service: from outside, and what its identity endpoint and its metrics add. */
import assert from 'node:assert/strict';
import { createServer, type Server } from 'node:http';
import { once } from 'node:events';
import { after, before, test } from 'node:test';
import type { Check } from '../../../src/cli/doctor/checks.js';
import { checkLevels, type Named } from '../../../src/cli/doctor/levels.js';
import type { MetricSource, TrafficRouter } from '../../../src/providers/ports.js';
import { MemoryRouter } from '../../../src/testing/memory-router.js';
import { ScriptedMetrics } from '../../../src/testing/scripted-metrics.js';

const TARGET = { service: 'answer-api', environment: 'test' };

let server: Server;
/** What the pinned revision answers, and as whom. */
let identity: { readonly status: number; readonly body: string; readonly as: string };

before(async () => {
  server = createServer((request, response) => {
    assert.equal(request.url, '/.well-known/release');
    response.writeHead(identity.status, { 'x-revision': identity.as }).end(identity.body);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
});
after(() => {
  server.close();
});

function router(): Named<TrafficRouter> {
  const port = new MemoryRouter({ now: () => 0 });
  port.introduce(TARGET, { id: 'blue', release: 'v1', slot: 'blue' });
  const { port: at } = server.address() as { port: number };
  port.probe = () =>
    Promise.resolve({ url: `http://127.0.0.1:${at}`, headers: {}, answeredBy: { header: 'x-revision', value: 'blue' } });
  return { name: 'try-out', port };
}

const exporter: Named<MetricSource> = { name: 'exporter', port: new ScriptedMetrics({ now: () => 0 }) };

const seen = (checks: readonly Check[]): readonly string[] => checks.map(({ state, what, text }) => `${state} ${what}: ${text}`);

test('a service that offers nothing of ours is at level 0, with the gates that the router feeds', async () => {
  identity = { status: 404, body: 'not found', as: 'blue' };
  assert.deepEqual(seen(await checkLevels(TARGET, router(), [exporter])), [
    'ok level 0 (try-out): blue answers as itself when pinned',
    'absent level 1 (try-out): identity: /.well-known/release says no releaseId; that the right release runs is not checked',
    'absent level 2 (try-out): guard: no part of it is on; effects that come twice are not seen',
    'absent level 3 (try-out): schema pins: none are told; whether the revisions fit each other is not checked',
    'ok gates: errors (exporter), latency (exporter); nobody measures cold-starts, queue-age, dedupe now',
  ]);
});

test('identity, guard and schema pins are levels of their own; each source is named at the gates that it feeds', async () => {
  const body = JSON.stringify({
    releaseId: 'v1',
    schemaPins: { schemaRev: 7, indexHash: 'i' },
    parts: ['idempotency', 'dedupe'],
  });
  identity = { status: 200, body, as: 'blue' };
  const guard = { name: 'guard', port: new ScriptedMetrics({ now: () => 0, signals: ['dedupe', 'coldStarts'] }) };
  assert.deepEqual(seen(await checkLevels(TARGET, router(), [exporter, guard])), [
    'ok level 0 (try-out): blue answers as itself when pinned',
    'ok level 1 (try-out): identity: it is release v1',
    'ok level 2 (try-out): guard: idempotency, dedupe',
    'ok level 3 (try-out): schema pins: schemaRev 7, indexHash i',
    'ok gates: errors (exporter), latency (exporter), cold-starts (guard), dedupe (guard); nobody measures queue-age now',
  ]);
});

test('what the service counts and nobody reads is said, and how to read it', async () => {
  const parts = ['metrics', 'idempotency', 'drain'];
  identity = { status: 200, body: JSON.stringify({ releaseId: 'v1', parts }), as: 'blue' };
  assert.deepEqual(seen(await checkLevels(TARGET, router(), [exporter])).slice(2), [
    'ok level 2 (try-out): guard: metrics, idempotency, drain',
    'absent level 3 (try-out): schema pins: none are told; whether the revisions fit each other is not checked',
    'ok gates: errors (exporter), latency (exporter); nobody measures cold-starts, queue-age, dedupe now (the service counts dedupe, cold-starts: read it by a metrics connection with from: guard)',
  ]);
});

test('a pin that reaches somebody else fails level 0, and nothing is believed of what it says', async () => {
  identity = { status: 200, body: JSON.stringify({ releaseId: 'v2' }), as: 'green' };
  const [pin, ...others] = seen(await checkLevels(TARGET, router(), [exporter]));
  assert.match(pin ?? '', /^failed level 0 \(try-out\): pinned to blue: "green" answered 200 in its place/);
  assert.deepEqual(
    others.map((check) => check.split(':')[0]),
    ['ok gates'],
  );
});

test('metrics that cannot be read are named, and without an error gate preflight is foretold', async () => {
  identity = { status: 404, body: '', as: 'blue' };
  const dead = new ScriptedMetrics({ now: () => 0 });
  dead.failure = new Error('connection refused');
  const checks = seen(await checkLevels(TARGET, router(), [{ name: 'prom', port: dead }])).slice(-2);
  assert.deepEqual(checks, [
    'warning metrics prom: answer-api: connection refused',
    'warning gates: none; nobody measures errors, latency, cold-starts, queue-age, dedupe now; without errors preflight refuses, unless idle.then is accept-on-probes',
  ]);
});

test('where the router does not know who is stable there is nothing to ask', async () => {
  assert.deepEqual(await checkLevels(TARGET, { name: 'new', port: new MemoryRouter({ now: () => 0 }) }, [exporter]), []);
});
