import type { RolloutActivities, RouteResult } from '../contract/activities.js';
import { ProviderError, transient } from '../providers/errors.js';
import type { Receipt } from '../providers/ports.js';
import type { Tools } from './dependencies.js';
import { execution } from './execution.js';
import { sameRevision } from './revisions.js';
import { confirm, holderOf, readRoute, write, writing, type Writing } from './route-writes.js';

/** Nobody is raised, so nobody reads it; routers refuse a lease of nothing. */
const LEASE_MS = 10_000;

/**
 * Revokes first (I7), then writes weight 0 and reads back that nobody is on the candidate (I2, I11). Every failure is tried
 * again for ever, what a provider calls permanent as well: there is no better place to give up.
 */
export function rollBack(tools: Tools): RolloutActivities['rollBack'] {
  return async ({ where, intent }) => {
    const on = writing(tools, execution(), where, intent);
    const revoked = await Promise.allSettled([write(on, 'revoke', () => on.router.revoke(where.target, intent.ramp))]);
    const receipt = await applyNobody(on);
    // Weight 0 was tried all the same; but without the revocation a late write could still bring users back.
    for (const outcome of revoked) if (outcome.status === 'rejected') throw outcome.reason;
    tools.metrics.revoked({ target: where.target, candidate: intent.candidate }, 'rollback');
    if (receipt !== undefined && receipt.kind !== 'superseded') await confirm(on, receipt);
    return readBack(on);
  };
}

/** Undefined where the router refuses: somebody else may hold the route, which the read-back will tell. */
async function applyNobody(on: Writing): Promise<Receipt | undefined> {
  const { router, where, intent, tools } = on;
  try {
    return await write(on, 'apply', () => router.apply(where.target, { ...intent, candidateBp: 0 }, LEASE_MS));
  } catch (error) {
    if (!(error instanceof ProviderError) || error.kind === 'transient') throw error;
    tools.logger.warn({ ramp: intent.ramp.id, error: error.message }, 'the router refused weight 0');
    return undefined;
  }
}

/** The ramp is revoked; what is left is to say truly who has the route. A foreign route is left alone. */
async function readBack(on: Writing): Promise<RouteResult> {
  const route = await readRoute(on);
  const { ramp, stable } = on.intent;
  if (route.ramp !== undefined && route.ramp.id !== ramp.id) return { kind: 'superseded', by: holderOf(route, ramp) };
  if (route.stable !== undefined && !sameRevision(route.stable, stable))
    return { kind: 'superseded', by: `whoever made ${route.stable.id} stable` };
  if (route.effectiveBp === 0) return { kind: 'done' };
  throw transient(`ramp ${ramp.id} is revoked, yet the router still gives the candidate ${String(route.effectiveBp / 100)} %`);
}
