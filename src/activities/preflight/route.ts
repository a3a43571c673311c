import type { RouteState } from '../../domain/route.js';
import type { Revision } from '../../domain/words.js';
import { throwIfCancelled } from '../execution.js';
import { describeError } from '../failures.js';
import { sameRevision } from '../revisions.js';
import { persistently } from '../waiting.js';
import { NOTHING, refuse, warn, type Checking, type Found } from './checking.js';

export interface RouteFound {
  readonly found: Found;
  /** Absent where the route could not be read. */
  readonly route?: RouteState;
}

/** The route must be readable and nobody else's. A ramp of this very rollout id is dead by construction, since the id is the lock: it is revoked. */
export async function checkRoute(on: Checking): Promise<RouteFound> {
  const { tools, run, where, router } = on;
  try {
    const route = await persistently(tools.clock, run, () => router.read(where.target));
    const { ramp } = route;
    if (ramp === undefined || route.lease === 'revoked') return { found: NOTHING, route };
    if (ramp.owner !== where.rollout) {
      return {
        found: refuse(
          `the route is held by ramp ${ramp.id} of "${ramp.owner}"; it was left alone. Wait for it, or abort it through its own rollout`,
        ),
        route,
      };
    }
    await persistently(tools.clock, run, () => router.revoke(where.target, ramp));
    tools.metrics.revoked({ target: where.target, candidate: route.candidate ?? on.plan.candidate }, 'orphan');
    tools.logger.warn({ ramp: ramp.id }, 'orphaned ramp of an earlier run revoked');
    return {
      found: warn(`ramp ${ramp.id} of an earlier run was still open: revoked`),
      route: await persistently(tools.clock, run, () => router.read(where.target)),
    };
  } catch (error) {
    throwIfCancelled(run.signal);
    return { found: refuse(`router "${where.connections.router}" cannot be read: ${describeError(error)}`) };
  }
}

/** Who is stable, and that the candidate is somebody else. */
export function checkStable(candidate: Revision, route: RouteState | undefined): Found {
  if (route === undefined) return NOTHING;
  const { stable } = route;
  if (stable === undefined)
    return refuse(
      'the router has never been told which revision is stable: tell it first (docs/operations), so that a rollback has a place to go',
    );
  if (sameRevision(stable, candidate))
    return refuse(`the candidate "${candidate.id}" is the stable revision already: expected another revision`);
  return stable.release === candidate.release
    ? warn(`stable and candidate are the same release ${candidate.release} in different places`)
    : NOTHING;
}
