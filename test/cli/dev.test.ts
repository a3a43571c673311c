import assert from 'node:assert/strict';
import { existsSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { childrenOf, isAlive } from '../harness/alive.js';
import { Load } from '../harness/load.js';
import { freePorts } from '../harness/ports.js';
import { temporalCli } from '../harness/temporal-cli.js';
import { until } from '../harness/until.js';
import { Newcomer } from './newcomer.js';
import { Workplace } from './sluice.js';

const workplace = new Workplace({ EDGE_TOKEN: 'a token of sixteen', TEMPORAL_CLI_PATH: await temporalCli() });
after(() => {
  workplace.remove();
});

test('dev starts a durable Temporal and a worker, and ends both on SIGINT', async () => {
  const [port, uiPort] = (await freePorts(2)) as [number, number];
  const dev = await workplace.start(
    'dev',
    '--port',
    String(port),
    '--ui-port',
    String(uiPort),
    '--metrics-port',
    '0',
    '--log-level',
    'error',
  );
  await until(() => dev.stdout.includes('worker: ready'), { withinMs: 60_000, what: `dev to be ready; it said ${dev.stderr}` });
  assert.match(
    dev.stdout,
    new RegExp(`^Temporal: 127\\.0\\.0\\.1:${port} \\(TEMPORAL_CLI_PATH: .*\\), UI: http://127\\.0\\.0\\.1:${uiPort}$`, 'm'),
  );
  assert.match(dev.stdout, /^edge: none started; no router of sluice\.config\.yaml has type: edge and services$/m);
  assert.equal((await fetch(`http://127.0.0.1:${uiPort}`)).status, 200);
  assert.equal(existsSync(join(workplace.folder, '.sluice', 'temporal.db')), true);
  const doctor = await workplace.run('doctor', '--address', `127.0.0.1:${port}`);
  assert.equal(doctor.code, 0, doctor.stdout);
  const children = childrenOf(dev.pid);
  dev.signal('SIGINT');
  assert.equal((await dev.waitForExit({ withinMs: 30_000 })).code, 0, dev.output);
  assert.deepEqual(children.filter(isAlive), []);
});

for (const [how, line, keepsOn] of [
  ['as soon as Temporal stands', 'Temporal: ', false],
  ['again and again, by somebody in a hurry', 'worker: ready', true],
] as const)
  test(`interrupted ${how}, dev leaves no Temporal behind`, async () => {
    const [port, uiPort] = (await freePorts(2)) as [number, number];
    const dev = await workplace.start('dev', '--port', String(port), '--ui-port', String(uiPort), '--metrics-port', '0');
    await until(() => dev.stdout.includes(line), { withinMs: 60_000, what: `"${line}"; it said ${dev.stderr}` });
    const children = childrenOf(dev.pid);
    assert.ok(children.length > 0);
    dev.signal('SIGINT');
    if (keepsOn) await until(() => !dev.signal('SIGINT'), { withinMs: 30_000, what: 'dev to end' });
    const { code } = await dev.waitForExit({ withinMs: 30_000 });
    assert.equal(code, keepsOn ? 1 : 0, dev.output);
    await until(() => !children.some(isAlive), { withinMs: 10_000, what: 'Temporal to end' });
  });

test('with two revisions, the files of "init --router edge" and dev, a rollout is promoted through the edge', async () => {
  const newcomer = await Newcomer.start();
  const { dev, place, blue, green, url } = newcomer;
  const { users, control, exporter } = newcomer.ports;
  try {
    assert.ok(
      dev.stdout.includes(
        `edge try-out: users at http://127.0.0.1:${users}, control at http://127.0.0.1:${control}; answer-api: blue ${blue.url}, green ${green.url}\n`,
      ),
      dev.stdout,
    );
    assert.match(dev.stdout, new RegExp(`^exporter: metrics on http://127\\.0\\.0\\.1:${exporter}/metrics$`, 'm'));
    const doctor = await newcomer.workplace.run('doctor', '--service', 'answer-api', '--env', 'dev', ...place);
    assert.equal(doctor.code, 0, doctor.stdout);
    assert.match(doctor.stdout, /ok +router try-out +answer-api: stable blue, candidate 0 %, lease none, fenced by revocation/);
    assert.match(doctor.stdout, /^ok +level 1 \(try-out\) +identity: it is release v1$/m);
    assert.match(doctor.stdout, /^ok +gates +errors \(exporter\), latency \(exporter\)/m);

    const load = new Load({
      url,
      requestsPerSecond: 100,
      atMost: { requests: 30_000, ms: 240_000 },
      headers: (n) => ({ 'x-user-id': `user-${n}` }),
    });
    const short = ['--set', 'profile=rehearsal', '--set', 'steps=[50,100]', '--set', 'gates.latency.mode=observe'];
    const started = await newcomer.workplace.start('start', ...short, '--wait', ...place);
    const { code, stdout, stderr } = await started.waitForExit({ withinMs: 180_000 });
    const records = await load.stop();
    assert.equal(code, 0, `${stdout}${stderr}`);
    assert.deepEqual(
      records.filter(({ status }) => status !== 200),
      [],
    );
    const { headers } = await fetch(url);
    assert.deepEqual([headers.get('x-revision'), headers.get('x-release-slot')], ['green', 'green']);

    dev.signal('SIGINT');
    assert.equal((await dev.waitForExit({ withinMs: 30_000 })).code, 0, dev.output);
    await assert.rejects(fetch(url));
    await assert.rejects(fetch(`http://127.0.0.1:${control}/route`));
  } finally {
    await newcomer.stop();
  }
});

test('an edge that cannot be started here is one line, and nothing is left running', async () => {
  const elsewhere = new Workplace({ EDGE_TOKEN: 'a token of sixteen', TEMPORAL_CLI_PATH: await temporalCli() });
  const other = createServer().listen(0, '127.0.0.1');
  try {
    const port = await until(() => (other.address() as { port: number } | null)?.port, { withinMs: 5_000, what: 'a port' });
    const config = (publicUrl: string): string => `environments: {test: {production: false}}
routers:
  try-out:
    {type: edge, control: "http://127.0.0.1:${port}", public: "${publicUrl}", token: {env: EDGE_TOKEN}, services: {answer-api: {blue: "http://127.0.0.1:9", green: "http://127.0.0.1:9"}}}
`;
    elsewhere.write('sluice.config.yaml', config('https://edge.example.com'));
    const far = await elsewhere.run('dev', '--exporter-port', '0');
    assert.deepEqual(
      [far.code, far.stderr],
      [
        1,
        'sluice: sluice.config.yaml routers.try-out.public: found https://edge.example.com, expected http://127.0.0.1:<port>; the services of an edge that runs elsewhere do not belong here\n',
      ],
    );
    const [free] = (await freePorts(1)) as [number];
    elsewhere.write('sluice.config.yaml', config(`http://127.0.0.1:${free}`));
    const taken = await elsewhere.run('dev', '--exporter-port', '0');
    assert.equal(taken.code, 1);
    assert.match(taken.stderr, /^sluice: the edge of routers\.try-out cannot start: listen EADDRINUSE.*\n$/);
  } finally {
    other.close();
    elsewhere.remove();
  }
});

test('a port that is taken is one line', async () => {
  const other = createServer().listen(0, '127.0.0.1');
  try {
    const port = await until(() => (other.address() as { port: number } | null)?.port, { withinMs: 5_000, what: 'a port' });
    const { code, stderr } = await workplace.run('dev', '--port', String(port));
    assert.deepEqual(
      [code, stderr],
      [1, `sluice: port ${port} for Temporal is taken; stop what listens there (lsof -i :${port}), or choose another port\n`],
    );
  } finally {
    other.close();
  }
});

for (const [program, said] of [
  ['echo "Error: the disk is full" >&2; exit 3', 'ended with code 3 (BINARY; it said: Error: the disk is full)'],
  ['kill -KILL $$', 'ended with SIGKILL (BINARY; it said: nothing)'],
] as const)
  test(`a Temporal whose start is "${program}" is one line that says so`, async () => {
    const binary = join(workplace.folder, 'temporal');
    writeFileSync(binary, `#!/bin/sh\n${program}\n`, { mode: 0o755 });
    const elsewhere = new Workplace({ EDGE_TOKEN: 'a token of sixteen', TEMPORAL_CLI_PATH: binary });
    const { code, stderr } = await elsewhere.run('dev', '--port', '0', '--ui-port', '0');
    elsewhere.remove();
    assert.deepEqual([code, stderr], [1, `sluice: the Temporal development server ${said.replace('BINARY', binary)}\n`]);
  });
