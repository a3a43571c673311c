import type { RolloutActivities, Where } from '../contract/activities.js';
import type { Revision, SchemaPins } from '../domain/words.js';
import type { Tools } from './dependencies.js';
import { execution, throwIfCancelled, type Execution } from './execution.js';
import { readIdentity } from './identity.js';
import { probeCandidate } from './probing.js';
import { incompatibility } from './schema-pins.js';
import { persistently } from './waiting.js';

/** Before any user: the schema pins of both revisions (R27), then judged pinned requests that check who answered (R14). */
export function probe(tools: Tools): RolloutActivities['probe'] {
  return async ({ where, stable, candidate, probes }) => {
    const run = execution();
    const [stablePins, candidatePins] = await Promise.all([
      pinsOf(tools, run, where, stable),
      pinsOf(tools, run, where, candidate),
    ]);
    const difference = incompatibility(stablePins, candidatePins);
    if (difference !== undefined) return { kind: 'schema-mismatch', difference };
    const recipe = await persistently(tools.clock, run, () =>
      tools.ports.router(where.connections.router).probe(where.target, candidate),
    );
    return { kind: 'probed', outcome: await probeCandidate(tools, run, recipe, probes) };
  };
}

/** What the revision says of itself, else what was declared. A stable that cannot be pinned is taken as declared. */
async function pinsOf(tools: Tools, run: Execution, where: Where, revision: Revision): Promise<Partial<SchemaPins>> {
  try {
    const recipe = await persistently(tools.clock, run, () =>
      tools.ports.router(where.connections.router).probe(where.target, revision),
    );
    const identity = await readIdentity(tools, recipe, run.signal);
    return identity.kind === 'told' ? { ...revision.schemaPins, ...identity.schemaPins } : { ...revision.schemaPins };
  } catch {
    throwIfCancelled(run.signal);
    return { ...revision.schemaPins };
  }
}
