import type { RolloutActivities } from '../contract/activities.js';
import type { Tools } from './dependencies.js';
import { execution } from './execution.js';
import { sameRevision } from './revisions.js';
import { confirm, holderOf, readRoute, write, writing } from './route-writes.js';

/** The candidate becomes stable, durably (I13, A25). Finalising twice is finalising once, so the route has the last word. */
export function finalise(tools: Tools): RolloutActivities['finalise'] {
  return async ({ where, intent }) => {
    const on = writing(tools, execution(), where, intent);
    const receipt = await write(on, 'finalise', () => on.router.finalise(where.target, intent));
    const confirmed = receipt.kind === 'applied' ? await confirm(on, receipt) : undefined;
    if (confirmed?.kind === 'done') return confirmed;
    const route = await readRoute(on);
    const stands = route.stable !== undefined && sameRevision(route.stable, intent.candidate);
    return stands ? { kind: 'done' } : { kind: 'superseded', by: holderOf(route, intent.ramp) };
  };
}
