/** Each example as its own process, as its first lines say to start it. */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { spawn } from 'node:child_process';
import { wholeEvents } from '../../../src/guard/service/event-stream.js';
import { typescriptProgram } from '../../harness/node-program.js';
import { freePort } from '../../harness/ports.js';
import { Postgres, withoutPostgres } from '../../harness/postgres.js';
import { startProcess, type ManagedProcess } from '../../harness/processes.js';
import { Redis, withoutRedis } from '../../harness/redis.js';
import { until } from '../../harness/until.js';

const PROJECT = fileURLToPath(new URL('../../../', import.meta.url));
const example = (name: string): URL => new URL(`../../../examples/orders/${name}.mjs`, import.meta.url);

/** The package by its name, without a build. */
const folder = mkdtempSync(join(tmpdir(), 'sluice-examples-'));
const tsconfig = join(folder, 'tsconfig.json');
writeFileSync(
  tsconfig,
  JSON.stringify({
    extends: join(PROJECT, 'tsconfig.json'),
    compilerOptions: { paths: { 'sluice/guard': [join(PROJECT, 'src/guard/index.ts')] } },
  }),
);
after(() => {
  rmSync(folder, { recursive: true });
});

const environmentOf = (port: number) => ({
  PORT: String(port),
  RELEASE: 'v2',
  REVISION: 'green',
  SETTLE_MS: '0',
  TSX_TSCONFIG_PATH: tsconfig,
  REDIS_URL: undefined,
  DATABASE_URL: undefined,
});

interface Running {
  readonly url: string;
  readonly child: ManagedProcess;
}

async function run(name: string, program: URL, more: Readonly<Record<string, string>> = {}): Promise<Running> {
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const child = await startProcess(
    { name, file: process.execPath, arguments: typescriptProgram(program), environment: { ...environmentOf(port), ...more } },
    { isReady: async () => (await fetch(`${url}/.well-known/release`)).ok, withinMs: 60_000 },
  );
  return { url, child };
}

const write = { method: 'POST', body: '{"item":1}', headers: { 'content-type': 'application/json', 'idempotency-key': 'k-1' } };

async function writesOnce(url: string): Promise<void> {
  const answers = [await fetch(`${url}/orders`, write), await fetch(`${url}/orders`, write)];
  for (const answer of answers) {
    assert.equal(answer.status, 201);
    assert.equal(answer.headers.get('x-revision'), 'green');
    assert.equal(answer.headers.get('x-release-id'), 'v2');
    assert.equal(answer.headers.get('location'), '/orders/1');
    assert.deepEqual(await answer.json(), { order: 1 });
  }
  assert.equal(answers[1]?.headers.get('idempotent-replayed'), 'true');
  assert.deepEqual(await (await fetch(`${url}/orders`)).json(), [{ item: 1 }]);
}

async function identityOf(url: string): Promise<Record<string, unknown>> {
  return (await (await fetch(`${url}/.well-known/release`)).json()) as Record<string, unknown>;
}

test('no example is longer than a screen', () => {
  for (const name of ['express', 'fastify', 'hono', 'lambda', 'job', 'tx'])
    assert.ok(readFileSync(example(name), 'utf8').trimEnd().split('\n').length <= 60, name);
});

for (const name of ['express', 'fastify', 'hono'])
  test(`${name}: a write sent twice is done once, and a stream that is open at SIGTERM ends whole before the process does`, async () => {
    const { url, child } = await run(name, example(name));
    try {
      await writesOnce(url);
      const { releaseId, revision, ready, coldStart, parts } = await identityOf(url);
      assert.deepEqual(
        { releaseId, revision, ready, coldStart },
        { releaseId: 'v2', revision: 'green', ready: true, coldStart: false },
      );
      assert.deepEqual(parts, ['metrics', 'idempotency', 'drain']);
      assert.match(await (await fetch(`${url}/metrics`)).text(), /sluice_guard_events_total\{.*kind="replayed"\} 1/);

      const stream = await fetch(`${url}/stream?count=15`);
      const events = wholeEvents(stream.body as unknown as AsyncIterable<Uint8Array>);
      assert.deepEqual((await events.next()).value, { event: 'tick', data: '1' });
      child.signal('SIGTERM');
      const refused = (): Promise<boolean> =>
        fetch(`${url}/orders`).then(
          () => false,
          () => true,
        );
      await until(refused, { withinMs: 20_000, what: 'requests to be refused' });
      // A platform that asks again does not end what the first request waits for.
      child.signal('SIGTERM');
      let seen = 1;
      for await (const { event } of events) if (event === 'tick') seen += 1;
      assert.equal(seen, 15);
      assert.deepEqual((await child.waitForExit({ withinMs: 20_000 })).code, 0);
    } finally {
      await child.stop();
    }
  });

/** Each ends by itself, which it could not with a connection left open. */
async function endOnSigterm(running: readonly Running[]): Promise<void> {
  for (const { child } of running) {
    child.signal('SIGTERM');
    assert.equal((await child.waitForExit({ withinMs: 20_000 })).code, 0, 'its connections were closed');
  }
}

interface SharedStore {
  readonly url: string;
  stop(): Promise<unknown>;
}

const SHARED: readonly [string, string, string | false, () => Promise<SharedStore>][] = [
  ['express', 'REDIS_URL', withoutRedis, () => Redis.start()],
  ['fastify', 'DATABASE_URL', withoutPostgres, () => Postgres.start()],
];
for (const [name, variable, skip, start] of SHARED)
  test(`${name} with ${variable}: a retry that reaches the other revision gets the first answer`, { skip }, async () => {
    const store = await start();
    const running: Running[] = [];
    try {
      for (const REVISION of ['blue', 'green']) running.push(await run(name, example(name), { [variable]: store.url, REVISION }));
      const [blue, green] = running as [Running, Running];
      const first = await fetch(`${blue.url}/orders`, write);
      assert.equal(first.headers.get('x-revision'), 'blue');
      const again = await fetch(`${green.url}/orders`, write);
      assert.equal(again.headers.get('x-revision'), 'green');
      assert.equal(again.headers.get('idempotent-replayed'), 'true');
      assert.equal(await again.text(), await first.text());
      assert.deepEqual(await (await fetch(`${green.url}/orders`)).json(), [], 'nothing was done there');
      await endOnSigterm(running);
    } finally {
      await Promise.all(running.map(({ child }) => child.stop()));
      await store.stop();
    }
  });

test(
  'tx: order and record are one transaction, a retry gets its answer from the other revision too, and a bad key an answer of its own',
  { skip: withoutPostgres },
  async () => {
    const postgres = await Postgres.start();
    const running: Running[] = [];
    try {
      for (const REVISION of ['blue', 'green'])
        running.push(await run('tx', example('tx'), { DATABASE_URL: postgres.url, REVISION }));
      const [blue, green] = running as [Running, Running];
      await writesOnce(green.url);
      const elsewhere = await fetch(`${blue.url}/orders`, write);
      assert.deepEqual([elsewhere.headers.get('idempotent-replayed'), await elsewhere.json()], ['true', { order: 1 }]);
      const { 'idempotency-key': _, ...keyless } = write.headers;
      for (const [change, status] of [
        [{ headers: keyless }, 400],
        [{ body: '{"item":2}' }, 422],
      ] as const)
        assert.equal((await fetch(`${blue.url}/orders`, { ...write, ...change })).status, status);
      await endOnSigterm(running);
    } finally {
      await Promise.all(running.map(({ child }) => child.stop()));
      await postgres.stop();
    }
  },
);

test('lambda: a write sent twice is done once, and each invocation leaves a line', async () => {
  const { url, child } = await run('lambda', new URL('./lambda-example-main.ts', import.meta.url));
  try {
    await writesOnce(url);
    const { releaseId, parts, coldStart } = await identityOf(url);
    assert.deepEqual({ releaseId, parts, coldStart }, { releaseId: 'v2', parts: ['idempotency'], coldStart: false });
    assert.equal((await fetch(`${url}/metrics`)).status, 404);
    const lines = await until(() => child.stdout.match(/"coldStart":(true|false)/g), {
      withinMs: 5_000,
      what: 'lines of invocations',
    });
    assert.deepEqual([lines[0], lines[1]], ['"coldStart":true', '"coldStart":false']);
  } finally {
    await child.stop();
  }
});

test('job: a job delivered twice is done once, and one that runs at SIGTERM is finished', async () => {
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const child = spawn(process.execPath, typescriptProgram(example('job')), {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: { ...process.env, ...environmentOf(port), JOB_MS: '300' },
  });
  const ended = once(child, 'exit');
  try {
    let said = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => (said += text));
    const linesOf = (): readonly unknown[] =>
      said
        .trimEnd()
        .split('\n')
        .filter(Boolean)
        .map((line) => JSON.parse(line) as unknown);
    const job = (id: string): boolean => child.stdin.write(`${JSON.stringify({ id, order: { item: id } })}\n`);
    job('a');
    job('a');
    await until(() => linesOf().length === 2, { withinMs: 60_000, what: 'both deliveries' });
    assert.deepEqual(linesOf(), [
      { job: 'a', kind: 'ran', order: 1 },
      { job: 'a', kind: 'replayed', order: 1 },
    ]);
    assert.deepEqual((await identityOf(url))['parts'], ['metrics', 'idempotency', 'queue-age', 'drain']);
    job('b');
    const begun = async (): Promise<boolean> => /kind="executed"\} 2/.test(await (await fetch(`${url}/metrics`)).text());
    await until(begun, { withinMs: 20_000, what: 'the second job to run' });
    child.kill('SIGTERM');
    assert.deepEqual(await ended, [0, null]);
    assert.deepEqual(linesOf().at(-1), { job: 'b', kind: 'ran', order: 2 });
  } finally {
    child.kill('SIGKILL');
  }
});
