import type { RolloutActivities } from '../contract/activities.js';
import type { Tools } from './dependencies.js';
import { execution } from './execution.js';
import { within } from './waiting.js';

/** One call, local to the workflow's worker: the first act of every rollback (I5, X17). */
export function revokeRamp(tools: Tools): RolloutActivities['revokeRamp'] {
  return async ({ where, ramp }) => {
    const run = execution();
    const receipt = await within(
      tools.clock,
      run.patienceMs,
      () => tools.ports.router(where.connections.router).revoke(where.target, ramp),
      run.signal,
    );
    tools.logger.warn({ ramp: ramp.id, outcome: receipt.kind }, 'ramp revoked');
  };
}
