import { historyToJSON } from '@temporalio/common/lib/proto-utils.js';
import { readHistory, type WorkflowHistory } from '../../harness/workflow-history.js';
import type { Bench, Stage } from '../bench.js';
import type { Scenario } from './scenario.js';

/** Lets the scenario happen to its end, and gives its runs, oldest first. */
export async function play(bench: Bench, stage: Stage, scenario: Scenario): Promise<readonly WorkflowHistory[]> {
  const { name, script, plan, input, drive } = scenario;
  const rollout = await stage.rollout(name, script, typeof plan === 'function' ? plan(Date.now()) : plan, input);
  try {
    await drive?.(rollout, bench);
    const { workflowId } = rollout.handle;
    await bench.client.workflow.getHandle(workflowId).result();
    return await chainOf(bench, workflowId);
  } finally {
    rollout.scripted.open();
    await rollout.stop();
  }
}

async function chainOf({ client }: Bench, workflowId: string): Promise<readonly WorkflowHistory[]> {
  const chain: WorkflowHistory[] = [];
  for (let runId: string | undefined; ; runId = chain[0]?.continues) {
    if (chain.length > 0 && runId === undefined) return chain;
    const history = await client.workflow.getHandle(workflowId, runId).fetchHistory();
    chain.unshift(readHistory(JSON.parse(historyToJSON(history))));
  }
}
