/** Two Workers that run the stub of `fixtures/rollout.ts` on Sluice's task queues. */
import { randomUUID } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { Context } from '@temporalio/activity';
import {
  bundleWorkflowCode,
  DefaultLogger,
  NativeConnection,
  Runtime,
  Worker,
  type WorkerOptions,
  type WorkflowBundle,
} from '@temporalio/worker';
import { LONG_TASK_QUEUE, TASK_QUEUE } from '../../src/contract/names.js';
import type { Judgement } from '../../src/domain/verdict.js';

export const STUB_JUDGEMENT: Judgement = {
  at: 1_000,
  verdict: 'inconclusive',
  soakedMs: 3_000,
  gates: [
    {
      gate: 'errors',
      verdict: 'inconclusive',
      reason: 'soaking',
      decisive: true,
      gross: false,
      figures: { candidateRequests: 100, candidateBad: 1, stableRequests: 900, stableBad: 2 },
      sentence: 'errors: soaking',
    },
  ],
};

const activities = {
  finalise: () => Promise.resolve({ kind: 'done' }),
  superviseRamp: async () => {
    Context.current().heartbeat({ bucket: 'stub~00000000/0/0', judgement: STUB_JUDGEMENT });
    await Context.current().cancelled;
  },
};

let bundle: Promise<WorkflowBundle> | undefined;
const logger = new DefaultLogger('ERROR');

export interface StubWorker {
  /** Ends as a worker that is stopped properly does. */
  stop(): Promise<void>;
}

export async function startStubWorker(address: string, more: Partial<WorkerOptions> = {}): Promise<StubWorker> {
  bundle ??= bundleWorkflowCode({ workflowsPath: fileURLToPath(new URL('./fixtures/rollout.ts', import.meta.url)), logger });
  const [connection, workflowBundle] = await Promise.all([NativeConnection.connect({ address }), bundle]);
  const common = {
    // Of its own, or a stub that follows another at once would be taken for it.
    identity: `stub-${randomUUID()}`,
    connection,
    activities,
    maxHeartbeatThrottleInterval: 100,
    defaultHeartbeatThrottleInterval: 100,
    ...more,
  };
  const workers = await Promise.all([
    Worker.create({ ...common, taskQueue: TASK_QUEUE, workflowBundle }),
    Worker.create({ ...common, taskQueue: LONG_TASK_QUEUE }),
  ]);
  const running = Promise.all(workers.map((worker) => worker.run()));
  return {
    stop: async () => {
      for (const worker of workers) if (worker.getState() === 'RUNNING') worker.shutdown();
      await running;
      await connection.close();
    },
  };
}

/** The SDK's core otherwise logs to standard error at INFO. Before any Worker. */
export function quietRuntime(): void {
  Runtime.install({ logger });
}
