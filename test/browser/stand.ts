/**
 * A development server with Temporal's UI, and one pair of workers that plays a script per service: a page shows several
 * rollouts side by side. Rollouts are started as our client starts them, so memo, summary and search attributes are the real ones.
 */
import { bundleWorkflowCode, DefaultLogger, NativeConnection, Worker } from '@temporalio/worker';
import { startRollout } from '../../src/client/start.js';
import { connect, type Temporal } from '../../src/client/temporal.js';
import type { RolloutActivities } from '../../src/contract/activities.js';
import { LONG_TASK_QUEUE, SEARCH_ATTRIBUTES, TASK_QUEUE } from '../../src/contract/names.js';
import type { RolloutPlan } from '../../src/domain/plan.js';
import { TemporalServer } from '../harness/temporal.js';
import { payloadConverterPath, workflowsPath } from '../workflow/bundle.js';
import { dispatching, scripted, type Script } from '../workflow/scripted.js';

export interface Stand {
  readonly temporal: Temporal;
  /** Where Temporal's UI answers, without a slash at the end. */
  readonly ui: string;
  /** Starts the rollout and gives its workflow id. */
  readonly begin: (plan: RolloutPlan, script: Script) => Promise<string>;
  readonly stop: () => Promise<void>;
}

export async function openStand(): Promise<Stand> {
  const [server, workflowBundle] = await Promise.all([
    TemporalServer.start({ ui: true, searchAttributes: ATTRIBUTE_TYPES }),
    bundleWorkflowCode({ workflowsPath, payloadConverterPath, logger: new DefaultLogger('ERROR') }),
  ]);
  const scripts = new Map<string, RolloutActivities>();
  const native = await NativeConnection.connect({ address: server.address });
  const workers = await Promise.all(
    [TASK_QUEUE, LONG_TASK_QUEUE].map((taskQueue) =>
      Worker.create({
        connection: native,
        taskQueue,
        activities: { ...dispatching(scripts) },
        dataConverter: { payloadConverterPath },
        maxHeartbeatThrottleInterval: 100,
        defaultHeartbeatThrottleInterval: 100,
        shutdownGraceTime: 100,
        ...(taskQueue === TASK_QUEUE ? { workflowBundle } : {}),
      }),
    ),
  );
  const running = workers.map((worker) => worker.run());
  const temporal = await connect({ address: server.address, withinMs: 20_000 });

  return {
    temporal,
    ui: `http://127.0.0.1:${String(server.uiPort)}`,
    begin: async (plan, script) => {
      scripts.set(plan.target.service, scripted(script).activities);
      const started = await startRollout(temporal, plan, { starter: { name: 'ci', verified: false } });
      if (started.kind !== 'started') throw new Error(`the rollout of ${plan.target.service} did not start: ${started.kind}`);
      return started.workflowId;
    },
    stop: async () => {
      for (const worker of workers) worker.shutdown();
      await Promise.all(running);
      await temporal.connection.close();
      await native.close();
      await server.stop();
    },
  };
}

const ATTRIBUTE_TYPES = Object.fromEntries(
  Object.values(SEARCH_ATTRIBUTES).map((name) => [name, name === SEARCH_ATTRIBUTES.weight ? 'Int' : 'Keyword'] as const),
);
