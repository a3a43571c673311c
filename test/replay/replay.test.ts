/** Recorded histories replayed against today's workflow code: an order that has changed fails here, before it fails a running rollout. */
import assert from 'node:assert/strict';
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { before, test } from 'node:test';
import { bundleWorkflowCode, DefaultLogger, Worker, type WorkflowBundle } from '@temporalio/worker';
import { decodePayloads } from '../harness/workflow-history.js';
import { SCENARIOS } from '../workflow/scenarios.js';
import { payloadConverterPath, workflowsPath } from '../workflow/bundle.js';
import { recorded } from './histories.js';

const quiet = new DefaultLogger('ERROR');
let bundle: WorkflowBundle;
before(async () => {
  bundle = await bundleWorkflowCode({ workflowsPath, payloadConverterPath, logger: quiet });
});

const replay = (workflowBundle: WorkflowBundle, raw: unknown): Promise<void> =>
  Worker.runReplayHistory({ workflowBundle, dataConverter: { payloadConverterPath } }, raw);

for (const scenario of SCENARIOS) {
  test(`the recorded history of "${scenario.name}" replays and ended as ${scenario.outcome}`, async () => {
    const chain = recorded(scenario.name);
    const last = chain.at(-1)?.events.at(-1);
    assert.equal(last?.type, 'WORKFLOW_EXECUTION_COMPLETED');
    const [result] = decodePayloads(last.attributes['result']) as { outcome: string }[];
    assert.equal(result?.outcome, scenario.outcome);
    for (const { raw } of chain) await replay(bundle, raw);
  });
}

test('a change of the order of two activities makes the replay fail', async () => {
  const copy = mkdtempSync(join(tmpdir(), 'sluice-replay-'));
  try {
    cpSync(fileURLToPath(new URL('../../src', import.meta.url)), join(copy, 'src'), { recursive: true });
    cpSync(fileURLToPath(new URL('../../package.json', import.meta.url)), join(copy, 'package.json'));
    symlinkSync(fileURLToPath(new URL('../../node_modules', import.meta.url)), join(copy, 'node_modules'));
    const file = join(copy, 'src/workflows/effects.ts');
    const source = readFileSync(file, 'utf8');
    const mutated = source
      .replace('await revokeAtOnce(where, effect);\n      return options.route.rollBack', 'return options.route.shiftWeight')
      .replace(
        '.shiftWeight.executeWithOptions(summary, [{ where, intent: effect.intent }])',
        '.shiftWeight.executeWithOptions(summary, [{ where, intent: effect.intent, leaseMs }])',
      );
    assert.notEqual(mutated, source, 'the mutation found its place');
    writeFileSync(file, mutated);
    const changed = await bundleWorkflowCode({
      workflowsPath: join(copy, 'src/workflows/index.ts'),
      payloadConverterPath,
      logger: quiet,
    });
    await assert.rejects(replay(changed, recorded('abort-while-soaking')[0]?.raw), /[Nn]ondeterminism|determinism/);
  } finally {
    rmSync(copy, { recursive: true, force: true });
  }
});
