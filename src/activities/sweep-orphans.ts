import type { RolloutActivities } from '../contract/activities.js';
import { rolloutId } from '../contract/names.js';
import { closingDirective } from '../domain/directing.js';
import type { RouteState } from '../domain/route.js';
import type { Ramp, Target } from '../domain/words.js';
import { transient } from '../providers/errors.js';
import type { NeighbouringRoute, Tools } from './dependencies.js';
import { execution, throwIfCancelled, type Execution } from './execution.js';
import { describeError } from './failures.js';
import { persistently } from './waiting.js';

/**
 * The janitor's round. A ramp whose rollout is not running has nobody who judges: it is revoked. Acts only through
 * `revoke(the ramp it read)`, so it cannot hurt a rollout that begins meanwhile, and only on ramps that bear the name of the
 * route's own rollout: another owner may live in a Temporal that cannot be asked here. Then the services are told that the
 * ramp is over, where their record still speaks of it: a later ramp has a higher epoch, which what is told here cannot
 * replace. One route that cannot be reached keeps no other from being swept.
 */
export function sweepOrphans(tools: Tools): RolloutActivities['sweepOrphans'] {
  return async () => {
    const run = execution();
    const failures: string[] = [];
    const done: string[] = [];
    for (const place of await tools.neighbourhood.routes()) {
      const { router, queues, target } = place;
      run.heartbeat({ at: `${target.environment}/${target.service}`, done });
      try {
        const orphan = await orphanOn(tools, run, place);
        if (orphan === undefined) continue;
        if (orphan.lease !== 'revoked') done.push(await revoke(tools, run, router, target, orphan));
        if (queues !== undefined) done.push(...(await endRelease(tools, run, queues, target, orphan.ramp)));
      } catch (error) {
        throwIfCancelled(run.signal);
        failures.push(`${router} ${target.environment}/${target.service}: ${describeError(error)}`);
      }
    }
    if (failures.length > 0 && done.length === 0) throw transient(`some routes could not be swept: ${failures.join('; ')}`);
    if (failures.length > 0) tools.logger.error({ failures }, 'some routes could not be swept');
    return done;
  };
}

type Orphan = RouteState & { readonly ramp: Ramp };

/** A ramp that is revoked already may still have to be told to the services: by hand, or in a round that did not reach them. */
async function orphanOn(
  { clock, ports, neighbourhood }: Tools,
  run: Execution,
  { router, queues, target }: NeighbouringRoute,
): Promise<Orphan | undefined> {
  const route = await persistently(clock, run, () => ports.router(router).read(target));
  const { ramp } = route;
  if (ramp === undefined || ramp.owner !== rolloutId(target)) return undefined;
  if (route.lease === 'revoked' && queues === undefined) return undefined;
  return (await neighbourhood.isRunning(ramp.owner)) ? undefined : { ...route, ramp };
}

async function revoke(tools: Tools, run: Execution, router: string, target: Target, orphan: Orphan): Promise<string> {
  const { ramp, candidate = { id: 'unknown', release: 'unknown' }, effectiveBp } = orphan;
  await persistently(tools.clock, run, () => tools.ports.router(router).revoke(target, ramp));
  tools.metrics.revoked({ target, candidate }, 'orphan');
  tools.logger.warn({ rollout: ramp.owner, ramp: ramp.id, effectiveBp }, 'orphaned ramp revoked');
  return `revoked ramp ${ramp.id} of ${ramp.owner}, which is not running; it gave the candidate ${String(effectiveBp / 100)} %`;
}

/** Empty: the record cannot be read here, is not of this ramp, or says already that it is over. */
async function endRelease(
  { clock, ports, logger }: Tools,
  run: Execution,
  name: string,
  target: Target,
  ramp: Ramp,
): Promise<readonly string[]> {
  const queues = ports.queues(name);
  const record = await persistently(clock, run, async () => queues.record?.(target));
  if (record?.ramp.id !== ramp.id || record.phase !== 'climbing') return [];
  await persistently(clock, run, () => queues.direct(target, closingDirective(record)));
  logger.warn({ rollout: ramp.owner, ramp: ramp.id, queues: name }, 'the services were told that the orphaned ramp is over');
  return [`told the services of ${ramp.owner} that ramp ${ramp.id} is over${record.batchPaused ? '; batch runs again' : ''}`];
}
