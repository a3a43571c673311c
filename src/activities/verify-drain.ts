import type { RolloutActivities } from '../contract/activities.js';
import type { Tools } from './dependencies.js';
import { execution } from './execution.js';
import { sameRevision } from './revisions.js';
import { persistently } from './waiting.js';

/** After the promotion there is no way back, so this only reports: who serves, and what is still open on the old revision (R35). */
export function verifyDrain(tools: Tools): RolloutActivities['verifyDrain'] {
  return async ({ where, expected, drained }) => {
    const run = execution();
    const router = tools.ports.router(where.connections.router);
    const [route, old] = await Promise.all([
      persistently(tools.clock, run, () => router.read(where.target)),
      persistently(tools.clock, run, () => router.inflight(where.target, drained)),
    ]);
    const findings: string[] = [];
    if (route.stable === undefined || !sameRevision(route.stable, expected))
      findings.push(`the router serves ${route.stable?.id ?? 'no revision that it can name'}, expected ${expected.id}`);
    if (old.active !== undefined && old.active > 0)
      findings.push(`${String(old.active)} streams are still open on ${drained.id}; nothing was killed`);
    return { kind: 'drain-verified', findings };
  };
}
