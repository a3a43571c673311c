import type { RolloutActivities } from '../contract/activities.js';
import type { Tools } from './dependencies.js';
import { execution } from './execution.js';
import { probeCandidate } from './probing.js';
import { persistently } from './waiting.js';

/** The last look before the promotion becomes durable (R35): the probes of step 0 again, now with everybody on the candidate. */
export function verify(tools: Tools): RolloutActivities['verify'] {
  return async ({ where, candidate, probes }) => {
    const run = execution();
    const recipe = await persistently(tools.clock, run, () =>
      tools.ports.router(where.connections.router).probe(where.target, candidate),
    );
    const { judged, serverErrors, wrongRevision, unanswered } = await probeCandidate(tools, run, recipe, probes);
    const failures: string[] = [];
    if (serverErrors >= probes.maxFailures)
      failures.push(`${String(serverErrors)} of ${String(judged)} pinned probes were answered 5xx`);
    if (judged < probes.count) {
      failures.push(
        `only ${String(judged)} of ${String(probes.count)} pinned probes were answered by the candidate (${String(wrongRevision)} by somebody else, ${String(unanswered)} not at all)`,
      );
    }
    return { kind: 'verified', failures };
  };
}
