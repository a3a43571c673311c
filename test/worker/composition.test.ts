import assert from 'node:assert/strict';
import { test } from 'node:test';
import pino from 'pino';
import { Registry } from 'prom-client';
import { ProviderError } from '../../src/providers/errors.js';
import { makerOf } from '../../src/worker/makers.js';
import { mappingOf } from '../../src/worker/metric-sources.js';
import { WorkerConfigurationError } from '../../src/worker/options.js';
import { createPorts } from '../../src/worker/providers.js';
import { rolloutMetrics } from '../../src/worker/rollout-metrics.js';
import { resolveAll } from '../../src/worker/secret-values.js';
import { startWorker } from '../../src/worker/start-worker.js';
import { temporalLogger } from '../../src/worker/temporal-logger.js';
import { redactor, valueRedactor } from '../../src/activities/redact.js';
import { redactedLogger } from '../../src/worker/redacted-logger.js';
import { FakeRouter } from '../activities/fakes.js';
import { SimulatedClock } from '../activities/simulated-clock.js';
import { configOf, REHEARSING } from './config.js';

const logger = pino({ level: 'silent' });
const nothing = {
  env: {},
  readFile: () => {
    throw Object.assign(new Error('no such file'), { code: 'ENOENT' });
  },
};

const CONNECTED = `
routers:
  edge: {type: haproxy, adminSocket: /run/a.sock, directory: /run, control: "http://127.0.0.1:1", public: "http://127.0.0.1:2", releaseToken: {env: RELEASE_TOKEN}}
metrics:
  prom: {type: prometheus, url: "http://127.0.0.1:3", scrapeInterval: 15s, headers: {Authorization: {file: /run/secrets/prom}}}
  exporter: {type: scrape, urls: ["http://127.0.0.1:4/metrics"]}
capacity: {scaler: {type: http, url: "http://127.0.0.1:5", token: {env: SCALER_TOKEN}}}
queues:
  jobs: {type: http, url: "http://127.0.0.1:6"}
  guards: {type: postgres, url: {env: GUARDS_URL}, schema: guard_of_jobs, timeout: 2s}
  fast-guards: {type: redis, url: {env: FAST_GUARDS_URL}, prefix: "jobs:"}
notifiers: {oncall: {type: slack, url: {env: SLACK_URL}}, hook: {type: webhook, url: "http://127.0.0.1:7"}}
environments: {production: {production: true}}
`;
const SECRETS = {
  env: {
    RELEASE_TOKEN: 'release-s3cr3t',
    SCALER_TOKEN: 'scaler-s3cr3t',
    SLACK_URL: 'https://hooks.slack.com/services/T/B/slack-s3cr3t',
    GUARDS_URL: 'postgres://sluice:guards-s3cr3t@127.0.0.1:7/guards',
    FAST_GUARDS_URL: 'redis://:guards-s3cr3t@127.0.0.1:8',
  },
  readFile: () => 'Bearer prom-s3cr3t\n',
};

test('every configured connection is known by its name', () => {
  const ports = createPorts(resolveAll(configOf(CONNECTED), SECRETS).config, logger);
  for (const port of [
    ports.router('edge'),
    ports.metrics('prom'),
    ports.metrics('exporter'),
    ports.capacity('scaler'),
    ports.queues('jobs'),
    ports.queues('guards'),
    ports.queues('fast-guards'),
    ports.notifier('oncall'),
    ports.notifier('hook'),
  ]) {
    assert.ok(port);
  }
});

test('an address that is none is told at the start, by the name of its connection', () => {
  const secrets = { ...SECRETS, env: { ...SECRETS.env, GUARDS_URL: 'guards-s3cr3t' } };
  assert.throws(
    () => createPorts(resolveAll(configOf(CONNECTED), secrets).config, logger),
    (error: Error) => /queues\.guards: its url is none: expected postgres:/.test(error.message) && !/s3cr3t/.test(error.message),
  );
});

test('an unknown name throws, permanently, and lists the known ones', () => {
  const ports = createPorts(resolveAll(configOf(CONNECTED), SECRETS).config, logger);
  assert.throws(
    () => ports.metrics('promm'),
    (error) =>
      error instanceof ProviderError &&
      error.kind === 'permanent' &&
      error.message.includes('unknown metrics connection "promm"; this worker knows: prom, exporter'),
  );
  assert.throws(() => ports.router('toString'), /unknown router/);
  assert.throws(
    () => createPorts(resolveAll(configOf(REHEARSING), nothing).config, logger).capacity('x'),
    /this worker knows: none/,
  );
});

test('a type that nobody makes throws and lists the known ones', () => {
  const make = makerOf<{ readonly type: string }, string>('router', { haproxy: () => 'made' });
  assert.equal(make({ type: 'haproxy' }), 'made');
  assert.throws(() => make({ type: 'haproxi' }), /unknown type "haproxi" of a router; known types: haproxy/);
  assert.throws(() => make({ type: 'in-memory' }), /in-memory router is for tests/);
});

test('all secrets that are missing are named at once, before anything is connected', () => {
  assert.throws(
    () => startWorker({ config: configOf(CONNECTED), secrets: nothing, logger }),
    (error) => {
      assert.ok(error instanceof WorkerConfigurationError);
      const text = error.problems.join('\n');
      for (const expected of [/RELEASE_TOKEN/, /SCALER_TOKEN/, /SLACK_URL/, /\/run\/secrets\/prom/]) assert.match(text, expected);
      return true;
    },
  );
});

test('the texts of the secrets, and nothing else, are what is redacted', () => {
  const { texts } = resolveAll(configOf(CONNECTED), SECRETS);
  assert.deepEqual([...texts].sort(), [
    'Bearer prom-s3cr3t',
    'https://hooks.slack.com/services/T/B/slack-s3cr3t',
    'postgres://sluice:guards-s3cr3t@127.0.0.1:7/guards',
    'redis://:guards-s3cr3t@127.0.0.1:8',
    'release-s3cr3t',
    'scaler-s3cr3t',
  ]);
  assert.equal(
    redactor(texts)('token scaler-s3cr3t refused by http://127.0.0.1:5'),
    'token [redacted] refused by http://127.0.0.1:5',
  );
});

test('in-memory providers are refused unless a test allows them, and always beside production', () => {
  const inMemory = { routers: { memory: new FakeRouter(new SimulatedClock()) } };
  assert.throws(
    () => startWorker({ config: configOf(REHEARSING), secrets: nothing, logger, inMemory }),
    /in-memory providers are for tests: routers\.memory refused/,
  );
  assert.throws(
    () => startWorker({ config: configOf(CONNECTED), secrets: SECRETS, logger, inMemory, allowInMemory: true }),
    /beside the production environment production/,
  );
});

test('metrics without names of their own are the exporter’s', () => {
  assert.deepEqual(mappingOf({}), {});
});

test('named metrics become signals, and what is not named is not judged', () => {
  const mapping = mappingOf({
    labels: { service: 'app', revision: 'pod_template_hash', code: 'status' },
    names: { requests: 'http_requests_total', latency: 'http_seconds', queueAge: 'age_seconds' },
  });
  assert.deepEqual(mapping, {
    labels: { service: 'app', revision: { pod_template_hash: 'slot' } },
    metrics: {
      errors: { requests: { name: 'http_requests_total' }, bad: { name: 'http_requests_total', where: { status: '5..' } } },
      latency: { name: 'http_seconds' },
      queueAgeS: { name: 'age_seconds' },
    },
  });
});

test('which series count, what they must be labelled with, and proportions of one’s own are said in the connection', () => {
  const mapping = mappingOf({
    labels: { service: 'app', environment: 'env', replica: 'pod', fixed: { cluster: 'eu-1' } },
    names: {
      requests: { metric: 'http_requests_total', where: { route: '/api/.*' } },
      errors: { metric: 'http_failed_total' },
      cutStreams: 'streams_cut_total',
      latency: { metric: 'http_ms', unit: 'ms' },
      schemaRefusals: 'refused_total',
      stickyReturns: 'returned_total',
      stickyViolations: 'left_total',
    },
    custom: { checkout: { bad: { metric: 'checkout_total', where: { ok: 'no' } }, all: 'checkout_total' } },
    startsAtZero: true,
  });
  assert.deepEqual(mapping, {
    labels: { service: 'app', environment: 'env', replica: 'pod', fixed: { cluster: 'eu-1' }, revision: { revision: 'slot' } },
    metrics: {
      errors: {
        requests: { name: 'http_requests_total', where: { route: '/api/.*' } },
        bad: { name: 'http_failed_total' },
        cutStreams: { name: 'streams_cut_total' },
      },
      latency: { name: 'http_ms', unit: 'ms' },
      schemaRefusals: { name: 'refused_total' },
      stickiness: { returns: { name: 'returned_total' }, violations: { name: 'left_total' } },
      custom: { checkout: { requests: { name: 'checkout_total' }, bad: { name: 'checkout_total', where: { ok: 'no' } } } },
    },
    startsAtZero: true,
  });
  const narrowed = mappingOf({ names: { requests: { metric: 'r_total', where: { route: '/api' } } } }).metrics?.errors;
  assert.deepEqual(narrowed?.bad, { name: 'r_total', where: { route: '/api', code: '5..' } }, 'bad is a part of what is counted');
});

test('proportions of one’s own, and labels that are fixed, leave the exporter’s metrics as they are', async () => {
  const config = configOf(
    `${REHEARSING}metrics:\n  exporter: {type: scrape, urls: ["http://127.0.0.1:4/metrics"], labels: {fixed: {cluster: eu}}, custom: {checkout: {bad: a_total, all: b_total}}}\n`,
  );
  const source = createPorts(resolveAll(config, nothing).config, logger).metrics('exporter');
  assert.deepEqual((await source.describe({ service: 'app', environment: 'x' })).signals, [
    'errors',
    'latency',
    'stickiness',
    'custom',
  ]);
  assert.deepEqual(mappingOf({ labels: { fixed: { cluster: 'eu' } } }).labels, {
    service: 'service',
    revision: { revision: 'slot', release_id: 'release' },
    optional: ['release_id'],
    fixed: { cluster: 'eu' },
  });
});

test('a label named version tells releases apart', () => {
  assert.deepEqual(mappingOf({ labels: { revision: 'version' } }).labels, { revision: { version: 'release' } });
});

test('series bear whose rollout they belong to, and those of the oldest rollouts are dropped', async () => {
  const registry = new Registry();
  const metrics = rolloutMetrics(registry, 3);
  const subject = (release: string) => ({
    target: { service: 'answer-api', environment: 'test' },
    candidate: { id: 'green', release },
  });
  for (const release of ['r1', 'r2', 'r3', 'r1', 'r4']) {
    metrics.tickJudged(subject(release), 'inconclusive');
    metrics.gateJudged(subject(release), 'errors', 'inconclusive');
    metrics.routeWritten(subject(release), 'apply', 'applied', 0.02);
    metrics.leaseRenewed(subject(release), 'renewed');
    metrics.revoked(subject(release), 'gate');
  }
  const text = await registry.metrics();
  assert.match(
    text,
    /sluice_ticks_judged_total\{service="answer-api",environment="test",release_id="r1",revision="green",verdict="inconclusive"\} 2/,
  );
  const releases = new Set([...text.matchAll(/release_id="(\w+)"/g)].map(([, release]) => release));
  assert.deepEqual([...releases].sort(), ['r1', 'r3', 'r4'], 'r2 was used longest ago');
});

test('the SDK’s lines are JSON with the rollout under our name', () => {
  const lines: string[] = [];
  const log = temporalLogger(pino({ level: 'info' }, { write: (line) => lines.push(line) }));
  log.warn('Activity failed', { workflowId: 'rollout/test/answer-api', error: new Error('because'), [Symbol('hidden')]: 1 });
  log.debug('left out');
  const [line] = lines.map((text) => JSON.parse(text) as Record<string, unknown>);
  assert.equal(line?.['rollout'], 'rollout/test/answer-api');
  assert.equal(line['msg'], 'Activity failed');
  assert.match(JSON.stringify(line['err']), /because/);
  assert.equal(lines.length, 1);
});

test('a part of a secret is redacted as well, and a host is not', () => {
  const hide = redactor([
    'https://user:password-in-url@hooks.example.com/services/the-secret-path?token=a-token-in-a-query',
    'Bearer a-token-of-a-header',
    '-----BEGIN KEY-----\nbGluZS1vZi1hLXBlbQ==\n-----END KEY-----',
    'prefix-of-a-secret',
    'prefix-of-a-secret-that-goes-on',
  ]);
  assert.equal(hide('POST hooks.example.com/services/the-secret-path: 401'), 'POST hooks.example.com/services/[redacted]: 401');
  for (const part of ['password-in-url', 'a-token-in-a-query', 'a-token-of-a-header', 'bGluZS1vZi1hLXBlbQ=='])
    assert.equal(hide(`"${part}"`), '"[redacted]"');
  assert.equal(hide('found prefix-of-a-secret-that-goes-on'), 'found [redacted]');
  assert.equal(hide('401: Bearer a-token-of-a-h, cut'), '401: [redacted], cut');
  assert.equal(hide('"a-token-of-a-" and "a-token-in-a-qu"'), '"[redacted]" and "[redacted]"');
});

test('a log line has no secret, whichever child and field it is written by, and stays JSON', () => {
  const lines: string[] = [];
  const root = pino({ level: 'debug' }, { write: (line: string) => void lines.push(line) });
  const redacted = redactedLogger(root, valueRedactor(['a-marked-secret']));
  redacted.child({ component: 'a-marked-secret' }).warn({ error: 'a-marked-secret' }, 'it said a-marked-secret');
  redacted.error({ err: new Error('a-marked-secret') }, 'failed');
  root.info('a-marked-secret of whoever made the logger');
  assert.equal(lines.length, 3);
  assert.doesNotMatch(lines.slice(0, 2).join(''), /marked/);
  assert.equal((JSON.parse(lines[0] ?? '') as { error: string }).error, '[redacted]');
  assert.match(lines[2] ?? '', /marked/, 'the logger itself is as it was');
});

test('a worker whose keys are none does not start, and says which without showing them', () => {
  const config = configOf(`temporal: {encryption: {keyId: k1, key: {env: KEY}}}\n${REHEARSING}`);
  assert.throws(
    () => startWorker({ config, secrets: { env: { KEY: 'a-marked-secret' }, readFile: () => '' }, logger }),
    (error) =>
      error instanceof Error &&
      /^sluice\.config\.yaml temporal\.encryption\.key: found a secret of 15 characters, expected 32 bytes in base64/.test(
        error.message,
      ) &&
      !error.message.includes('marked'),
  );
});
