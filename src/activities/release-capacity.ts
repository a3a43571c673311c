import type { RolloutActivities } from '../contract/activities.js';
import type { Tools } from './dependencies.js';
import { execution } from './execution.js';
import { sameRevision } from './revisions.js';
import { persistently } from './waiting.js';

/** Or there was nothing to release. */
const RELEASED = { stillOpen: 0 };

/**
 * Lets go of a revision after its drain (I8), and lifts the floors that this rollout held: of the revision itself, and of
 * stable where no ramp is open any more. A revision that serves is never released, whoever asks, nor one on which streams are
 * still open: nothing is killed but by a human (I9).
 */
export function releaseCapacity(tools: Tools): RolloutActivities['releaseCapacity'] {
  return async ({ where, of }) => {
    const name = where.connections.capacity;
    if (name === undefined) return RELEASED;
    const run = execution();
    const controller = tools.ports.capacity(name);
    const router = tools.ports.router(where.connections.router);
    const route = await persistently(tools.clock, run, () => router.read(where.target));
    const open = route.ramp !== undefined && route.lease !== 'revoked';
    const serves = route.stable !== undefined && sameRevision(route.stable, of);
    const climbs = open && route.candidate !== undefined && sameRevision(route.candidate, of);
    if (serves || climbs) {
      tools.logger.warn({ revision: of.id }, 'capacity is not released: the revision serves');
      return RELEASED;
    }
    const { active = 0 } = await persistently(tools.clock, run, () => router.inflight(where.target, of));
    if (active > 0) return { stillOpen: active };
    await persistently(tools.clock, run, () => controller.holdFloor(where.target, of, 0));
    if (!open && route.stable !== undefined) {
      const { stable } = route;
      await persistently(tools.clock, run, () => controller.holdFloor(where.target, stable, 0));
    }
    await persistently(tools.clock, run, () => controller.release(where.target, of));
    return RELEASED;
  };
}
