import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import { test } from 'node:test';
import { freePorts } from './ports.js';
import { runToEnd } from './processes.js';

test('ports are different, below those of outgoing connections, and free', async () => {
  const ports = await freePorts(20);
  assert.equal(new Set(ports).size, 20);
  assert.ok(ports.every((port) => port < 32_000));
  const server = createServer();
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(ports[0], '127.0.0.1', resolve);
  });
  await new Promise((resolve) => server.close(resolve));
});

test('two test processes at one time get different ports', async () => {
  const own = new Set(await freePorts(30));
  const script = `import { freePorts } from ${JSON.stringify(new URL('./ports.ts', import.meta.url).href)};
    const ports = await freePorts(30); process.stdout.write(JSON.stringify(ports));`;
  const words = ['--import', import.meta.resolve('tsx'), '--input-type=module', '-e', script];
  const other = await runToEnd({ name: 'another test', file: process.execPath, arguments: words }, { withinMs: 20_000 });
  const ports = JSON.parse(other.stdout) as number[];
  assert.equal(ports.length, 30, other.stderr);
  assert.ok(!ports.some((port) => own.has(port)));
});
