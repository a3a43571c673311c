/** The demo's service has a real cache, model, secret and vector store: with any one broken, a rollout never warms up (R13). */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, beforeEach, test } from 'node:test';
import { systemClock } from '../../../src/activities/clock.js';
import { warmUp } from '../../../src/activities/warm-up.js';
import { deployFiles } from '../../../src/cli/demo/answers.js';
import type { EffectResult } from '../../../src/domain/effects.js';
import { Attempt, CANDIDATE, RAMP, Stage, WHERE } from '../../activities/fakes.js';
import { wholeEvents } from '../../../src/guard/index.js';
import { typescriptProgram } from '../../harness/node-program.js';
import { freePort } from '../../harness/ports.js';
import { startProcess, type ManagedProcess } from '../../harness/processes.js';

const folder = mkdtempSync(join(tmpdir(), 'sluice-sample-'));
const file = (name: string): string => join(folder, name);
let service: ManagedProcess;
let url: string;

before(async () => {
  deployFiles(folder);
  const port = await freePort();
  url = `http://127.0.0.1:${port}`;
  service = await startProcess(
    {
      name: 'sample service',
      file: process.execPath,
      arguments: typescriptProgram(new URL('../../../src/cli/demo/sample-service.ts', import.meta.url)),
      environment: { PORT: String(port), RELEASE: 'v2', REVISION: 'green', FOLDER: folder },
    },
    { isReady: async () => (await fetch(`${url}/.well-known/release`)).ok, withinMs: 30_000 },
  );
});
after(async () => {
  await service.stop();
  rmSync(folder, { recursive: true });
});
beforeEach(() => {
  deployFiles(folder);
});

/** The rollout's own activity against the service, with the real clock. */
async function warm(): Promise<EffectResult> {
  const { tools, router } = new Stage();
  router.probe = () => Promise.resolve({ url, headers: {}, answeredBy: { header: 'x-revision', value: 'green' } });
  return new Attempt().run(warmUp({ ...tools, clock: systemClock, fetch: globalThis.fetch }), {
    where: WHERE,
    ramp: RAMP,
    candidate: CANDIDATE,
    leaseMs: 30_000,
    warmUp: { path: '/warm', holdMs: 0, timeoutMs: 1 },
  });
}

test('with everything in place it is warm', async () => {
  assert.deepEqual(await warm(), { kind: 'done' });
});

for (const [check, breakIt, says] of [
  [
    'cache',
    () => {
      rmSync(file('cache'), { recursive: true });
    },
    /^cache: ENOENT/,
  ],
  [
    'model',
    () => {
      writeFileSync(file('model.json'), '{"weights": [1, 2]}');
    },
    /^model: 2 weights, expected 16$/,
  ],
  [
    'secrets',
    () => {
      writeFileSync(file('secret'), '');
    },
    /^secrets: the secret is empty$/,
  ],
  [
    'vectors',
    () => {
      writeFileSync(file('vectors.json'), '["one chunk"]');
    },
    /^vectors: 1 vectors, expected at least 10$/,
  ],
] as const)
  test(`with a broken ${check} it is not, and only that check is named`, async () => {
    breakIt();
    const result = await warm();
    assert.equal(result.kind, 'not-warm');
    assert.equal(result.failing.length, 1, result.failing.join('; '));
    assert.match(result.failing[0] ?? '', says);
  });

test('half a model file is no model', async () => {
  writeFileSync(file('model.json'), '{"weights": [1, 0.5');
  const result = await warm();
  assert.match(result.kind === 'not-warm' ? result.failing.join('; ') : result.kind, /^model: /);
});

test('it says who it is and which parts of the guard are on', async () => {
  const response = await fetch(`${url}/.well-known/release`);
  const { releaseId, revision, schemaPins, parts } = (await response.json()) as Record<string, unknown>;
  assert.deepEqual([releaseId, revision], ['v2', 'green']);
  assert.deepEqual(schemaPins, { schemaRev: 7, indexHash: 'demo', modelTag: 'demo-1' });
  assert.deepEqual(parts, ['warm-up', 'metrics', 'idempotency', 'drain']);
  assert.equal(response.headers.get('x-revision'), 'green');
});

test('a question that is posted twice is taken once, and counted as a replay', async () => {
  const post = (): Promise<Response> =>
    fetch(`${url}/ask?q=what+is+a+canary`, { method: 'POST', headers: { 'idempotency-key': 'k-1' } });
  const first = await post();
  assert.equal(first.status, 201);
  const again = await post();
  assert.deepEqual(await again.json(), await first.json());
  assert.equal(again.headers.get('idempotent-replayed'), 'true');
  assert.match(await (await fetch(`${url}/metrics`)).text(), /sluice_guard_events_total\{.*kind="replayed"\} 1/);
});

test('when it is asked to go, an open stream ends with its marker first', async () => {
  const { body } = await fetch(`${url}/stream?q=what+is+a+drain`);
  const events = wholeEvents(body as unknown as AsyncIterable<Uint8Array>);
  await events.next();
  service.signal('SIGTERM');
  let seen = 1;
  for await (const { data } of events) if (data !== '') seen += 1;
  assert.equal(seen, 15);
  assert.equal((await service.waitForExit({ withinMs: 20_000 })).code, 0);
});
