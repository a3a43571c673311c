import type { RolloutActivities } from '../contract/activities.js';
import type { Tools } from './dependencies.js';
import { execution } from './execution.js';
import { within } from './waiting.js';

/** Tells the queues' guards the whole state (R20, R29, R30); later states are told apart by (epoch, sequence), not by arrival. */
export function controlQueues(tools: Tools): RolloutActivities['controlQueues'] {
  return async ({ where, ...directive }) => {
    const name = where.connections.queues;
    if (name === undefined) return;
    const run = execution();
    await within(tools.clock, run.patienceMs, () => tools.ports.queues(name).direct(where.target, directive), run.signal);
  };
}
