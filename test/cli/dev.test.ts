import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { childrenOf, isAlive } from '../harness/alive.js';
import { freePorts } from '../harness/ports.js';
import { temporalCli } from '../harness/temporal-cli.js';
import { until } from '../harness/until.js';
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
  assert.equal((await fetch(`http://127.0.0.1:${uiPort}`)).status, 200);
  assert.equal(existsSync(join(workplace.folder, '.sluice', 'temporal.db')), true);
  const doctor = await workplace.run('doctor', '--address', `127.0.0.1:${port}`);
  assert.equal(doctor.code, 0, doctor.stdout);
  const children = childrenOf(dev.pid);
  dev.signal('SIGINT');
  assert.equal((await dev.waitForExit({ withinMs: 30_000 })).code, 0, dev.output);
  assert.deepEqual(children.filter(isAlive), []);
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
