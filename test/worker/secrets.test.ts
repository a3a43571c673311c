/**
 * No credential leaves the worker: marked secrets in every place that takes one, a rollout that succeeds, and rollouts whose
 * providers answer 401 with what they were sent, or are not there. Then everything that stays behind is searched.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { after, before, test } from 'node:test';
import pino from 'pino';
import { runCommandLine } from '../../src/cli/program.js';
import { secretsOf } from '../../src/cli/session.js';
import { SluiceClient } from '../../src/client/index.js';
import { rolloutId } from '../../src/contract/names.js';
import type { Connections, RolloutPlan } from '../../src/domain/plan.js';
import { startWorker, type RunningWorker } from '../../src/worker/start-worker.js';
import { recorded } from '../cli/surroundings.js';
import { startTestEdge, type TestEdge } from '../dataplane/edge/support.js';
import { freePort } from '../harness/ports.js';
import { TemporalServer } from '../harness/temporal.js';
import { until } from '../harness/until.js';
import { configOf } from './config.js';
import { marksIn } from './marks.js';
import { HealthySource, rehearsal } from './rehearsal.js';

const SECRETS = {
  EDGE_TOKEN: 'marked-edge-token-0001',
  WRONG_TOKEN: 'marked-wrong-token-0002',
  AWAY_TOKEN: 'marked-away-token-0003',
  METRICS_TOKEN: 'marked-metrics-header-0004',
  CAPACITY_TOKEN: 'marked-capacity-token-0005',
  HMAC_SECRET: 'marked-hmac-secret-0006',
  TEMPORAL_API_KEY: 'marked-temporal-api-key-0007',
} as const;
const URL_PASSWORD = 'marked-password-in-url-0008';
const HOOK_PATH = 'marked-path-of-a-webhook-0009';
const PEM_LINE = 'bWFya2VkLXByaXZhdGUta2V5LWxpbmUtMDAxMAo';
/** Their beginnings: an answer may be cut in the middle of a secret. */
const MARKS = [...Object.values(SECRETS), URL_PASSWORD, HOOK_PATH, PEM_LINE].map((secret) => secret.slice(0, 14));

/** 401, with what it was sent: the rudest provider there is. */
let echo: Server;
let edge: TestEdge;
let server: TemporalServer;
let worker: RunningWorker;
let client: SluiceClient;
let folder: string;
let env: Readonly<Record<string, string>>;
const log: string[] = [];
const said: string[] = [];

const urlOf = (one: Server): string => `http://127.0.0.1:${(one.address() as AddressInfo).port}`;

function configuration(away: number): string {
  return `
temporal: {address: "${server.address}", apiKey: {env: TEMPORAL_API_KEY}}
environments: {test: {production: false}}
routers:
  edge: {type: edge, control: "${edge.edge.addresses.control.url}", public: "${edge.edge.addresses.public.url}", token: {env: EDGE_TOKEN}}
  wrong: {type: edge, control: "${edge.edge.addresses.control.url}", public: "${edge.edge.addresses.public.url}", token: {env: WRONG_TOKEN}}
  rude: {type: edge, control: "${urlOf(echo)}", public: "${urlOf(echo)}", token: {env: WRONG_TOKEN}}
  away: {type: edge, control: "http://127.0.0.1:${away}", public: "http://127.0.0.1:${away}", token: {env: AWAY_TOKEN}}
metrics:
  rude: {type: scrape, urls: ["${urlOf(echo)}/metrics"], headers: {authorization: {file: metrics-token}}}
  rude-prometheus: {type: prometheus, scrapeInterval: 5s, url: "${urlOf(echo)}", headers: {authorization: {file: metrics-token}}}
capacity:
  rude: {type: http, url: "${urlOf(echo)}", token: {env: CAPACITY_TOKEN}}
queues:
  rude: {type: http, url: "${urlOf(echo)}", token: {env: CAPACITY_TOKEN}}
notifiers:
  hook: {type: webhook, url: "${urlOf(echo)}/hook", hmacSecret: {env: HMAC_SECRET}}
  chat: {type: slack, url: {env: SLACK_URL}}
  rude-chat: {type: slack, url: {env: RUDE_SLACK_URL}}
`;
}

before(async () => {
  echo = createServer((request, response) => {
    response.writeHead(401, { 'www-authenticate': request.headers.authorization ?? 'none', 'content-type': 'text/plain' });
    // So that what messages show of an answer ends within the secret.
    const padding = request.url?.startsWith('/services') === true ? 'x'.repeat(165) : '';
    response.end(`${padding}${request.headers.authorization ?? ''} ${request.url ?? ''} ${JSON.stringify(request.headers)}`);
  });
  await new Promise<void>((resolve) => echo.listen(0, '127.0.0.1', resolve));
  [server, edge] = await Promise.all([TemporalServer.start(), startTestEdge({ token: SECRETS.EDGE_TOKEN })]);
  folder = mkdtempSync(join(tmpdir(), 'sluice-secrets-'));
  const away = await freePort();
  const config = configuration(away);
  writeFileSync(join(folder, 'sluice.config.yaml'), config);
  writeFileSync(join(folder, 'metrics-token'), `Bearer ${SECRETS.METRICS_TOKEN}\n`);
  const pem = (what: string) => `-----BEGIN ${what}-----\n${PEM_LINE}\n-----END ${what}-----\n`;
  writeFileSync(join(folder, 'certificate.pem'), pem('CERTIFICATE'));
  writeFileSync(join(folder, 'key.pem'), pem('PRIVATE KEY'));
  env = {
    ...SECRETS,
    TEMPORAL_TLS: 'false',
    SLACK_URL: `http://bot:${URL_PASSWORD}@127.0.0.1:${away}/services/${HOOK_PATH}`,
    RUDE_SLACK_URL: `${urlOf(echo)}/services/${HOOK_PATH}`,
  };
  worker = startWorker({
    config: configOf(config),
    secrets: secretsOf(recorded({ env, cwd: folder }).surroundings),
    logger: logger(),
    temporal: { tls: false },
    allowInMemory: true,
    inMemory: { metrics: { prom: new HealthySource() } },
  });
  await worker.ready;
  client = await SluiceClient.connect({ address: server.address });
});

after(async () => {
  await client.close();
  await worker.shutdown();
  await Promise.all([server.stop(), edge.stop()]);
  echo.closeAllConnections();
  echo.close();
  rmSync(folder, { recursive: true });
});

const logger = () =>
  pino(
    { level: 'debug' },
    new Writable({
      write: (line: Buffer, _encoding, done) => {
        log.push(line.toString());
        done();
      },
    }),
  );

async function sluice(words: readonly string[], more: Readonly<Record<string, string>> = {}): Promise<void> {
  const { surroundings, out, err } = recorded({ env: { ...env, ...more }, cwd: folder });
  const exit = await runCommandLine(words, surroundings);
  said.push(`$ sluice ${words.join(' ')} → ${exit}`, ...out, ...err);
}

const rollout = (service: string, connections: Partial<Connections>, more: Partial<RolloutPlan> = {}): RolloutPlan => ({
  ...rehearsal(service),
  target: { service: service === 'good' ? 'app' : service, environment: 'test' },
  connections: { router: 'edge', metrics: ['prom'], notify: ['hook', 'chat', 'rude-chat'], ...connections },
  ...more,
});

const PLANS: readonly RolloutPlan[] = [
  rollout('good', {}),
  rollout('wrong-token', { router: 'wrong' }),
  rollout('rude-router', { router: 'rude' }),
  rollout('router-away', { router: 'away' }),
  rollout('rude-metrics', { metrics: ['rude'] }),
  rollout('rude-prometheus', { metrics: ['rude-prometheus'] }),
  rollout('rude-capacity', { capacity: 'rude', queues: 'rude' }),
];

test('every rollout ends or is given up, the good one promoted although nobody can be told', async () => {
  for (const plan of PLANS) await client.start(plan, { starter: { name: 'test', verified: false } });
  const good = await client.result({ service: 'app', environment: 'test' });
  assert.ok(good.kind === 'closed', JSON.stringify(good));
  assert.equal(good.outcome.outcome, 'promoted', good.outcome.cause);
  await until(async () => (await Promise.all(PLANS.map(hasFailed))).every(Boolean), {
    withinMs: 60_000,
    what: 'every other rollout to have met its provider',
    everyMs: 500,
  });
  for (const command of ['status', 'timeline'])
    for (const { target } of PLANS) await sluice([command, target.service, '--env', 'test', '-o', 'json']);
  await sluice(['list', '--all']);
  await sluice(['doctor']);
  await sluice(['abort', 'router-away', '--env', 'test', '--reason', 'test']);
});

/** Ended, or its history or a pending activity tells of a failure. */
async function hasFailed({ target }: RolloutPlan): Promise<boolean> {
  const description = await client.temporal.client.workflow.getHandle(rolloutId(target)).describe();
  return (
    description.status.name !== 'RUNNING' || (description.raw.pendingActivities ?? []).some(({ lastFailure }) => lastFailure)
  );
}

test('what the command line and the worker say of a place that they cannot enter names no secret', async () => {
  const tls = { TEMPORAL_TLS: 'true', TEMPORAL_TLS_CLIENT_CERT_PATH: 'certificate.pem', TEMPORAL_TLS_CLIENT_KEY_PATH: 'key.pem' };
  const away = `127.0.0.1:${await freePort()}`;
  const status = ['status', 'app', '--env', 'test'];
  await sluice(status, tls);
  await sluice([...status, '--address', away], { TEMPORAL_TLS: 'false' });
  // A line break in a secret: the headers of gRPC refuse it, and say what they refuse.
  await sluice([...status, '--address', server.address], { TEMPORAL_API_KEY: `${SECRETS.TEMPORAL_API_KEY}\u0007` });
  await sluice(['status', 'app', '--env', 'test'], { ...tls, SLUICE_DEBUG: '1' });
  for (const temporal of [
    { address: away, apiKey: SECRETS.TEMPORAL_API_KEY, tls: false },
    { address: server.address, apiKey: `${SECRETS.TEMPORAL_API_KEY}\u0007`, tls: false },
    { address: server.address, tls: { certificate: PEM_LINE, key: PEM_LINE } },
  ]) {
    const before = log.length;
    const outside = startWorker({
      config: configOf('environments: {test: {production: false}}\n'),
      secrets: { env: {}, readFile: () => '' },
      logger: logger(),
      temporal,
    });
    const failed = outside.ready.catch((error: unknown) => said.push(String(error)));
    await until(() => log.slice(before).some((line) => line.includes('does not answer yet') || line.includes('"ready"')), {
      withinMs: 20_000,
      what: `the worker to say how it goes with ${JSON.stringify(temporal)}`,
    });
    await outside.shutdown();
    await failed;
  }
});

test('no history, memo, search attribute, log line or message has any of the marked secrets', async () => {
  const stored = await Promise.all(
    PLANS.map(async ({ target }) => {
      const id = ['--workflow-id', rolloutId(target)];
      const [history, described] = await Promise.all([
        server.json(['workflow', 'show', ...id]),
        server.json(['workflow', 'describe', ...id]),
      ]);
      return JSON.stringify({ history, described });
    }),
  );
  const places = { stored: stored.join('\n'), log: log.join(''), said: said.join('\n') };
  for (const [place, text] of Object.entries(places)) {
    assert.ok(text.length > 1_000, `${place} is searched`);
    const lines = text.split(/\n|(?<=\})(?=\{)/).filter((line) => marksIn(line, MARKS).length > 0);
    assert.deepEqual(marksIn(text, MARKS), [], `${place}: ${lines.map((line) => line.slice(0, 300)).join('\n')}`);
  }
  assert.match(places.stored, /401/, 'the rude providers have answered');
  assert.match(places.stored, /\[redacted\]/);
});
