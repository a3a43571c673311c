/** A rollout with `temporal.encryption` on a real Temporal server: what works, and what the server never sees. */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, test } from 'node:test';
import pino from 'pino';
import { startCodecServer } from '../../src/cli/codec-server.js';
import { SluiceClient } from '../../src/client/index.js';
import { rolloutId } from '../../src/contract/names.js';
import { digestOf } from '../../src/spec/digest.js';
import { MemoryRouter } from '../../src/testing/memory-router.js';
import { startWorker, type RunningWorker } from '../../src/worker/start-worker.js';
import { keyText, ringOf } from '../contract/keys.js';
import { TemporalServer } from '../harness/temporal.js';
import { until } from '../harness/until.js';
import { configOf } from './config.js';
import { marksIn } from './marks.js';
import { HealthySource, pinnedFetch, rehearsal } from './rehearsal.js';

const ENCRYPTED = `
temporal:
  encryption:
    keyId: k2
    key: {env: KEY_2}
    previous: [{keyId: k1, key: {env: KEY_1}}]
environments: {test: {production: false}}
limits: {rollouts: 5}
`;
const env = { KEY_1: keyText('k1'), KEY_2: keyText('k2') };
/** The last is the beginning of the memo's headline. */
const MARKS = ['marked-starter', 'marked-sender', 'marked-reason', 'marked-failure', 'PROMOTED'];

let server: TemporalServer;
let worker: RunningWorker;
let keyed: SluiceClient;
let keyless: SluiceClient;
let failures = 1;
const router = new MemoryRouter({
  now: Date.now,
  before: ({ call }) => {
    if (call === 'apply' && failures-- > 0) throw new Error('marked-failure: the router took a break');
  },
});
const plan = {
  ...rehearsal('sealed'),
  steps: [{ weightBp: 1_000, soakMs: 6_000, soakMaxMs: 60_000 }, ...rehearsal('').steps.slice(1)],
};
const { target } = plan;
const workflowId = rolloutId(target);

before(async () => {
  server = await TemporalServer.start();
  router.introduce(target, { id: 'blue', release: 'r1' });
  worker = startWorker({
    config: configOf(ENCRYPTED),
    secrets: { env, readFile: () => '' },
    logger: pino({ level: process.env['SLUICE_TEST_LOG'] ?? 'silent' }),
    temporal: { address: server.address },
    allowInMemory: true,
    fetch: pinnedFetch,
    inMemory: { routers: { edge: router }, metrics: { prom: new HealthySource() } },
  });
  await worker.ready;
  keyed = await SluiceClient.connect({ address: server.address, keys: ringOf('k2', 'k1') });
  keyless = await SluiceClient.connect({ address: server.address });
});

after(async () => {
  await keyed.close();
  await keyless.close();
  await worker.shutdown();
  await server.stop();
});

/** All that the server has of the rollout, as Temporal's own CLI prints it. */
async function printed(): Promise<string> {
  const [history, described] = await Promise.all([
    server.json(['workflow', 'show', '--workflow-id', workflowId]),
    server.json(['workflow', 'describe', '--workflow-id', workflowId]),
  ]);
  return JSON.stringify({ history, described });
}

test('a rollout is promoted, watched and messaged as ever, and the server holds none of its words', async () => {
  const started = await keyed.start(plan, { starter: { name: 'marked-starter', verified: false } });
  assert.equal(started.kind, 'started', JSON.stringify(started));
  const open = await until(
    async () => {
      const status = await keyed.status(target);
      return status.kind === 'open' && status.live.judgement !== undefined && status;
    },
    { withinMs: 60_000, what: 'the judgement in an encrypted heartbeat', everyMs: 300 },
  );
  assert.match(open.execution.headline ?? '', /sealed/, 'the memo is decrypted');
  const sent = { by: 'marked-sender', reason: 'marked-reason', requestId: randomUUID() };
  assert.equal((await keyed.send('pause', target, sent)).kind, 'accepted');
  const unread = await keyless.status(target);
  assert.ok(unread.kind === 'silent' && unread.locked === true, JSON.stringify(unread));
  // Without a key, in plain: whoever is in a hurry is understood.
  const resumed = await keyless.send('resume', target, { by: 'bob', reason: '', requestId: randomUUID() });
  assert.deepEqual(resumed, { kind: 'recorded', text: 'received; the answer is encrypted with a key that is not here' });
  const ended = await keyed.result(target);
  assert.ok(ended.kind === 'closed', JSON.stringify(ended));
  assert.equal(ended.outcome.outcome, 'promoted', ended.outcome.cause);
  const told = JSON.stringify(ended.outcome.timeline);
  for (const mark of ['marked-starter', 'marked-sender', 'marked-reason', 'bob']) assert.ok(told.includes(mark), mark);
  const text = await printed();
  assert.deepEqual(marksIn(text, MARKS), []);
  assert.match(text, /Encoded failure/, 'the router’s break stands in the history, and nobody can read it');
});

test('the codec server reads all of it to the UI, and only to its page', async () => {
  const problems: string[] = [];
  const codec = await startCodecServer({
    host: '127.0.0.1',
    port: 0,
    origin: 'http://ui.test',
    keys: ringOf('k2', 'k1'),
    onProblem: (problem) => problems.push(problem),
  });
  const shown = await server.run([
    ...['workflow', 'show', '--workflow-id', workflowId, '-o', 'json', '--no-json-shorthand-payloads'],
    ...['--codec-endpoint', codec.url],
  ]);
  await codec.close();
  assert.equal(shown.code, 0, shown.stderr);
  assert.deepEqual(marksIn(shown.stdout, MARKS), MARKS);
  assert.deepEqual(problems, []);
});

test('a rollback finds in the history what was promoted and what it replaced', async () => {
  const begun = await keyed.rollback(target, { starter: { name: 'marked-starter', verified: false }, digestOf });
  assert.ok(begun.kind === 'begun' && begun.start.kind === 'started', JSON.stringify(begun));
  assert.equal(begun.plan.candidate.id, 'blue');
  const ended = await keyed.result(target);
  assert.ok(ended.kind === 'closed' && ended.outcome.outcome === 'promoted', JSON.stringify(ended));
  assert.deepEqual(marksIn(await printed(), MARKS), []);
  const recorded = await keyed.recorded(workflowId);
  assert.equal(recorded?.plan.candidate.id, 'blue');
});

test('without a key everything can be listed and aborted, and what cannot be read is said', async () => {
  const other = rehearsal('sealed-too');
  router.introduce(other.target, { id: 'blue', release: 'r1' });
  await keyed.start(other, { starter: { name: 'marked-starter', verified: false } });
  await until(async () => (await keyless.list({ service: 'sealed-too' })).length === 1, {
    withinMs: 30_000,
    what: 'the index to show the rollout',
    everyMs: 200,
  });
  const aborted = await keyless.send(
    'abort',
    other.target,
    { by: 'bob', reason: '', requestId: randomUUID() },
    { withinMs: 500 },
  );
  assert.ok(aborted.kind === 'recorded' || aborted.kind === 'closed', JSON.stringify(aborted));
  const ended = await keyed.result(other.target);
  assert.ok(ended.kind === 'closed' && ended.outcome.outcome === 'rolled-back', JSON.stringify(ended));
  const unread = await keyless.result(other.target);
  assert.ok(unread.kind === 'broken', JSON.stringify(unread));
  assert.match(unread.text, /encrypted with a key that is not here/);
});

for (const [how, keys] of [
  ['encrypted with a key of before a rotation', ringOf('k1')],
  ['started in plain', undefined],
] as const)
  test(`a plan that was ${how} runs to its end`, async () => {
    const older = rehearsal(`before-${how.split(' ')[0]}`);
    router.introduce(older.target, { id: 'blue', release: 'r1' });
    const before = await SluiceClient.connect({ address: server.address, ...(keys === undefined ? {} : { keys }) });
    await before.start(older, { starter: { name: 'marked-starter', verified: false } });
    await before.close();
    const ended = await keyed.result(older.target);
    assert.ok(ended.kind === 'closed' && ended.outcome.outcome === 'promoted', JSON.stringify(ended));
  });
