import type { RolloutActivities } from '../contract/activities.js';
import { rolloutId } from '../contract/names.js';
import type { Target } from '../domain/words.js';
import { transient } from '../providers/errors.js';
import type { Tools } from './dependencies.js';
import { execution, throwIfCancelled } from './execution.js';
import { describeError } from './failures.js';
import { persistently } from './waiting.js';

/**
 * The janitor's round. A ramp whose rollout is not running has nobody who judges: it is revoked. Acts only through
 * `revoke(the ramp it read)`, so it cannot hurt a rollout that begins meanwhile, and only on ramps that bear the name of the
 * route's own rollout: another owner may live in a Temporal that cannot be asked here. One route that cannot be reached
 * keeps no other from being swept.
 */
export function sweepOrphans(tools: Tools): RolloutActivities['sweepOrphans'] {
  return async () => {
    const run = execution();
    const failures: string[] = [];
    const revoked: string[] = [];
    for (const { router, target } of await tools.neighbourhood.routes()) {
      run.heartbeat({ at: `${target.environment}/${target.service}`, revoked });
      try {
        const what = await sweep(router, target);
        if (what !== undefined) revoked.push(what);
      } catch (error) {
        throwIfCancelled(run.signal);
        failures.push(`${router} ${target.environment}/${target.service}: ${describeError(error)}`);
      }
    }
    if (failures.length > 0 && revoked.length === 0) throw transient(`some routes could not be swept: ${failures.join('; ')}`);
    if (failures.length > 0) tools.logger.error({ failures }, 'some routes could not be swept');
    return revoked;

    async function sweep(name: string, target: Target): Promise<string | undefined> {
      const router = tools.ports.router(name);
      const route = await persistently(tools.clock, run, () => router.read(target));
      const { ramp } = route;
      if (ramp === undefined || route.lease === 'revoked' || ramp.owner !== rolloutId(target)) return undefined;
      if (await tools.neighbourhood.isRunning(ramp.owner)) return undefined;
      await persistently(tools.clock, run, () => router.revoke(target, ramp));
      tools.metrics.revoked({ target, candidate: route.candidate ?? { id: 'unknown', release: 'unknown' } }, 'orphan');
      tools.logger.warn({ rollout: ramp.owner, ramp: ramp.id, effectiveBp: route.effectiveBp }, 'orphaned ramp revoked');
      return `revoked ramp ${ramp.id} of ${ramp.owner}, which is not running; it gave the candidate ${String(route.effectiveBp / 100)} %`;
    }
  };
}
