import type { RolloutActivities } from '../contract/activities.js';
import type { Tools } from './dependencies.js';
import { execution, spentBefore } from './execution.js';
import { pause, within } from './waiting.js';

const EVERY_MS = 2_000;
const DEADLINE_MS = 10_000;

/**
 * Stable's floor first (I8: everybody may come back at every instant), then the units that the next weight needs (R12, A21).
 * Asks again until the platform says ready or failed; asking never lowers.
 */
export function ensureCapacity(tools: Tools): RolloutActivities['ensureCapacity'] {
  return async ({ where, revision, units, floor }) => {
    const name = where.connections.capacity;
    if (name === undefined) return { kind: 'done' };
    const run = execution();
    const { clock } = tools;
    const controller = tools.ports.capacity(name);
    const begun = clock.monotonicMs();
    const spentMs = spentBefore(run);
    if (floor.units > 0)
      await within(clock, DEADLINE_MS, () => controller.holdFloor(where.target, floor.revision, floor.units), run.signal);
    for (;;) {
      const state = await within(clock, DEADLINE_MS, () => controller.ensure(where.target, revision, units), run.signal);
      if (state.kind === 'ready') return { kind: 'done' };
      if (state.kind === 'failed') return { kind: 'capacity-failed', reason: tools.redact(state.reason) };
      const elapsedMs = spentMs + (clock.monotonicMs() - begun);
      if (elapsedMs >= run.patienceMs) {
        return {
          kind: 'capacity-failed',
          reason: `still ${String(state.units)} of ${String(units)} units of ${revision.id} after ${String(Math.round(elapsedMs / 1_000))} s`,
        };
      }
      run.heartbeat({ elapsedMs, ready: state.units, wanted: units });
      await pause(clock, EVERY_MS, run.signal);
    }
  };
}
