import type { RolloutActivities } from '../contract/activities.js';
import type { Tools } from './dependencies.js';
import { execution } from './execution.js';
import { within } from './waiting.js';

/** Tells the queues' guards the whole state (R29, A18); later states are told apart by (epoch, sequence), not by arrival. */
export function controlQueues(tools: Tools): RolloutActivities['controlQueues'] {
  return async ({ where, batchPaused, weightBp, ramp, sequence }) => {
    const name = where.connections.queues;
    if (name === undefined) return;
    const run = execution();
    await within(
      tools.clock,
      run.patienceMs,
      () => tools.ports.queues(name).direct(where.target, { batchPaused, weightBp, ramp, sequence }),
      run.signal,
    );
  };
}
