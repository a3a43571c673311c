import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { Connection } from '@temporalio/client';
import proto from '@temporalio/proto';
import { temporalForTests, TemporalServer } from './temporal.js';
import { decodePayloads } from './workflow-history.js';
import { livingProcesses } from './processes.js';

const folder = mkdtempSync(join(tmpdir(), 'temporal-'));
let server: TemporalServer;

before(async () => {
  server = await TemporalServer.start({ databaseFolder: folder });
});

after(async () => {
  await server.stop();
  rmSync(folder, { recursive: true, force: true });
  assert.deepEqual(livingProcesses(), [], 'nothing runs on');
});

async function startWorkflow(id: string): Promise<void> {
  await server.json([
    'workflow',
    'start',
    '--type',
    'rollout',
    '--task-queue',
    id,
    '--workflow-id',
    id,
    '--input',
    '{"release":"r1"}',
  ]);
}

/** Completes a workflow without a worker, by the two calls that a worker would make. */
async function complete(id: string, result: unknown): Promise<void> {
  const connection = await Connection.connect({ address: server.address });
  const asks = { namespace: 'default', identity: 'test' };
  await connection.withDeadline(Date.now() + 10_000, async () => {
    const { taskToken } = await connection.workflowService.pollWorkflowTaskQueue({ ...asks, taskQueue: { name: id } });
    const payload = { metadata: { encoding: Buffer.from('json/plain') }, data: Buffer.from(JSON.stringify(result)) };
    const commandType = proto.temporal.api.enums.v1.CommandType.COMMAND_TYPE_COMPLETE_WORKFLOW_EXECUTION;
    const completed = { commandType, completeWorkflowExecutionCommandAttributes: { result: { payloads: [payload] } } };
    await connection.workflowService.respondWorkflowTaskCompleted({ ...asks, taskToken, commands: [completed] });
  });
  await connection.close();
}

test('a history is shown with its events and decoded payloads', async () => {
  await startWorkflow('rollout/production/shown');
  await server.run([
    'workflow',
    'signal',
    '--workflow-id',
    'rollout/production/shown',
    '--name',
    'abort',
    '--input',
    '{"by":"ann"}',
  ]);
  await complete('rollout/production/shown', { outcome: 'rolled-back' });
  const history = await server.showHistory('rollout/production/shown');
  assert.deepEqual(
    history.events.map((event) => event.type),
    [
      'WORKFLOW_EXECUTION_STARTED',
      'WORKFLOW_TASK_SCHEDULED',
      'WORKFLOW_EXECUTION_SIGNALED',
      'WORKFLOW_TASK_STARTED',
      'WORKFLOW_TASK_COMPLETED',
      'WORKFLOW_EXECUTION_COMPLETED',
    ],
  );
  assert.deepEqual(decodePayloads(history.events[2]?.attributes['input']), [{ by: 'ann' }]);
  assert.deepEqual(decodePayloads(history.events.at(-1)?.attributes['result']), [{ outcome: 'rolled-back' }]);
  assert.ok(Math.abs((history.events[0]?.at ?? 0) - Date.now()) < 60_000);
  assert.equal(history.continues, undefined);
});

test('workflows survive a kill of the server, on the same port', async () => {
  await startWorkflow('rollout/production/kept');
  const address = server.address;
  const pid = server.pid;
  await server.kill();
  assert.equal(await server.isServing(), false);
  await server.start();
  assert.notEqual(server.pid, pid);
  assert.equal(server.address, address);
  const [event] = (await server.showHistory('rollout/production/kept')).events;
  assert.equal(event?.type, 'WORKFLOW_EXECUTION_STARTED');
});

test('an unknown workflow is an error that says so', async () => {
  await assert.rejects(server.showHistory('rollout/production/none'), /workflow not found/);
});

test('a test that does not kill the server takes the one of TEMPORAL_ADDRESS, and leaves it running', async () => {
  const before = process.env['TEMPORAL_ADDRESS'];
  process.env['TEMPORAL_ADDRESS'] = server.address;
  try {
    const { temporal, stop } = await temporalForTests();
    assert.equal(temporal.address, server.address);
    await stop();
    assert.equal(await server.isServing(), true);
  } finally {
    if (before === undefined) delete process.env['TEMPORAL_ADDRESS'];
    else process.env['TEMPORAL_ADDRESS'] = before;
  }
});
