import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isAlive } from './alive.js';
import { livingProcesses, runToEnd, startProcess } from './processes.js';
import { typescriptProgram } from './node-program.js';
import { until } from './until.js';

const node = (name: string, script: string): { name: string; file: string; arguments: string[] } => ({
  name,
  file: process.execPath,
  arguments: ['-e', script],
});

test('a process is ready when the condition says so, and stops when asked', async () => {
  const child = await startProcess(node('talker', 'console.log("up"); setInterval(() => {}, 1000)'), {
    isReady: (started) => started.stdout.includes('up'),
    withinMs: 10_000,
  });
  assert.ok(isAlive(child.pid));
  assert.equal((await child.stop()).signal, 'SIGTERM');
  assert.ok(!isAlive(child.pid));
  assert.deepEqual(livingProcesses(), []);
});

test('a process that ignores SIGTERM is killed after the grace', async () => {
  const child = await startProcess(
    node('stubborn', 'process.on("SIGTERM", () => {}); console.log("up"); setInterval(() => {}, 1000)'),
    { isReady: (started) => started.stdout.includes('up'), withinMs: 10_000 },
  );
  assert.equal((await child.stop({ graceMs: 200 })).signal, 'SIGKILL');
});

test('a process that ends before it is ready is an error that shows its words', async () => {
  const starting = startProcess(node('broken', 'console.error("no such file"); process.exit(3)'), {
    isReady: () => false,
    withinMs: 10_000,
  });
  await assert.rejects(starting, /broken ended .*"code":3.*no such file/s);
});

test('a program that does not exist is an error and not a crash of the test', async () => {
  const ended = await runToEnd({ name: 'ghost', file: '/no/such/program', arguments: [] }, { withinMs: 5_000 });
  assert.equal(ended.code, 127);
});

test('a stalled process can be stopped', async () => {
  const child = await startProcess(node('stalled', 'console.log("up"); setInterval(() => {}, 1000)'), {
    isReady: (started) => started.stdout.includes('up'),
    withinMs: 10_000,
  });
  child.signal('SIGSTOP');
  assert.equal((await child.stop()).signal, 'SIGTERM');
});

test('a leaked child is killed, named and fails the process that leaked it', async () => {
  const leaker = typescriptProgram(new URL('./fixtures/leaker.ts', import.meta.url));
  const ended = await runToEnd({ name: 'leaker', file: process.execPath, arguments: leaker }, { withinMs: 30_000 });
  assert.equal(ended.code, 1);
  assert.match(ended.stderr, /leaked child process: forgotten \(pid \d+\); killed/);
  const leaked = Number(/forgotten \(pid (\d+)\)/.exec(ended.stderr)?.[1]);
  await until(() => !isAlive(leaked), { withinMs: 5_000, what: 'the leaked child to be gone' });
});
