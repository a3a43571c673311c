/** A dev server, the two workers of design.md §5 with scripted activities, and a client. One server a test file. */
import { Client, Connection, type WorkflowHandle } from '@temporalio/client';
import { bundleWorkflowCode, DefaultLogger, NativeConnection, Runtime, Worker, type WorkflowBundle } from '@temporalio/worker';
import {
  LONG_TASK_QUEUE,
  rolloutId,
  ROLLOUT_WORKFLOW,
  SEARCH_ATTRIBUTES,
  STATUS_QUERY,
  TASK_QUEUE,
} from '../../src/contract/names.js';
import type { RolloutActivities } from '../../src/contract/activities.js';
import type { RolloutInput, RolloutStatus } from '../../src/contract/rollout.js';
import type { Outcome } from '../../src/domain/outcome.js';
import type { RolloutPlan } from '../../src/domain/plan.js';
import { until } from '../harness/until.js';
import { TemporalServer } from '../harness/temporal.js';
import { planWith } from '../domain/plans.js';
import { payloadConverterPath, workflowsPath } from './bundle.js';
import { dispatching, scripted, type Play, type Script, type Scripted } from './scripted.js';

Runtime.install({ logger: new DefaultLogger('ERROR') });

export interface Rollout {
  readonly handle: WorkflowHandle<(input: RolloutInput) => Promise<Outcome>>;
  readonly scripted: Scripted;
  readonly stop: () => Promise<void>;
}

/** One pair of workers for many rollouts at once: each activity is answered by the script of its own rollout. */
export interface Stage {
  readonly rollout: (
    name: string,
    script?: Script | ((play: Play) => Script),
    over?: Partial<RolloutPlan>,
    input?: Partial<RolloutInput>,
  ) => Promise<Rollout>;
  readonly stop: () => Promise<void>;
}

/** Stands in every history, where a process and a machine say nothing. */
const IDENTITY = 'bench';

export class Bench {
  private constructor(
    readonly server: TemporalServer,
    readonly client: Client,
    private readonly connection: Connection,
    private readonly native: NativeConnection,
    private readonly bundle: WorkflowBundle,
  ) {}

  static async start(): Promise<Bench> {
    const kinds = {
      service: 'Keyword',
      environment: 'Keyword',
      release: 'Keyword',
      phase: 'Keyword',
      weight: 'Int',
      outcome: 'Keyword',
    } as const;
    const searchAttributes = Object.fromEntries(
      Object.entries(SEARCH_ATTRIBUTES).map(([key, name]) => [name, kinds[key as keyof typeof kinds]]),
    );
    const [server, bundle] = await Promise.all([
      TemporalServer.start({ searchAttributes }),
      bundleWorkflowCode({ workflowsPath, payloadConverterPath, logger: new DefaultLogger('ERROR') }),
    ]);
    const connection = await Connection.connect({ address: server.address });
    const native = await NativeConnection.connect({ address: server.address });
    const client = new Client({ connection, identity: IDENTITY, dataConverter: { payloadConverterPath } });
    return new Bench(server, client, connection, native, bundle);
  }

  async stop(): Promise<void> {
    await this.native.close();
    await this.connection.close();
    await this.server.stop();
  }

  /** Workers of their own and a service of its own, so that scripts do not meet. */
  async rollout(
    name: string,
    script: Script = {},
    over: Partial<RolloutPlan> = {},
    input: Partial<RolloutInput> = {},
  ): Promise<Rollout> {
    const crew = await this.crew(script);
    const handle = await this.begin(rehearsal(name, over), input);
    const stop = async (): Promise<void> => {
      await handle.terminate().catch(() => undefined);
      await crew.stop();
    };
    return { handle, scripted: crew.scripted, stop };
  }

  /** The two workers, with as many slots for long activities as the test wants. */
  async crew(script: Script, longSlots = 100): Promise<{ readonly scripted: Scripted; readonly stop: () => Promise<void> }> {
    const done = scripted(script);
    return { scripted: done, stop: await this.work(done.activities, longSlots) };
  }

  async stage(): Promise<Stage> {
    const scripts = new Map<string, RolloutActivities>();
    const stop = await this.work(dispatching(scripts));
    return {
      rollout: async (name, script, over, input) => {
        const plan = rehearsal(name, over);
        const done = scripted(script, (kind, body = {}) =>
          this.client.workflow.getHandle(rolloutId(plan.target)).signal(kind, body),
        );
        scripts.set(name, done.activities);
        const handle = await this.begin(plan, input);
        const end = async (): Promise<void> => {
          await handle.terminate().catch(() => undefined);
        };
        return { handle, scripted: done, stop: end };
      },
      stop,
    };
  }

  private async work(activities: RolloutActivities, longSlots = 100): Promise<() => Promise<void>> {
    const shared = {
      connection: this.native,
      identity: IDENTITY,
      activities: { ...activities },
      dataConverter: { payloadConverterPath },
      maxHeartbeatThrottleInterval: 100,
      defaultHeartbeatThrottleInterval: 100,
      shutdownGraceTime: 100,
    };
    const workers = await Promise.all([
      Worker.create({ ...shared, workflowBundle: this.bundle, taskQueue: TASK_QUEUE }),
      Worker.create({ ...shared, taskQueue: LONG_TASK_QUEUE, maxConcurrentActivityTaskExecutions: longSlots }),
    ]);
    const running = workers.map((worker) => worker.run());
    return async () => {
      for (const worker of workers) worker.shutdown();
      await Promise.all(running);
    };
  }

  begin(plan: RolloutPlan, input: Partial<RolloutInput> = {}): Promise<Rollout['handle']> {
    return this.client.workflow.start<(input: RolloutInput) => Promise<Outcome>>(ROLLOUT_WORKFLOW, {
      workflowId: rolloutId(plan.target),
      taskQueue: TASK_QUEUE,
      args: [{ plan, starter: { name: 'ci', verified: false }, ...input }],
    });
  }
}

export const statusOf = (rollout: Rollout): Promise<RolloutStatus> => rollout.handle.query<RolloutStatus>(STATUS_QUERY);

/** Waits for a phase, and for a weight where one is given. */
export const inPhase = (rollout: Rollout, phase: string, weightBp?: number): Promise<unknown> =>
  until(
    async () => {
      const status = await statusOf(rollout);
      return status.phase === phase && (weightBp === undefined || status.weightBp === weightBp);
    },
    { withinMs: 20_000, what: `phase ${phase}` },
  );

/** `rehearsal`-like times, capacity managed, nobody to notify. */
export function rehearsal(service: string, over: Partial<RolloutPlan> = {}): RolloutPlan {
  const base = planWith();
  return {
    ...base,
    profile: 'rehearsal',
    rehearsal: true,
    target: { service, environment: 'test' },
    connections: { router: 'edge', metrics: ['prom'], capacity: 'cloud', notify: [] },
    steps: base.steps.map((step) => ({ ...step, soakMs: 5_000, soakMaxMs: 60_000 })),
    tickMs: 1_000,
    leaseMs: 15_000,
    retry: { ...base.retry, coolOffMs: 100 },
    drain: { minMs: 100, ceilingMs: 1_000 },
    keepStableMs: 3_600_000,
    ...over,
  };
}
