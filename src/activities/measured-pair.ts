import { measuredAt } from '../domain/custom-measure.js';
import type { GatePolicy } from '../domain/policy.js';
import type { Revision } from '../domain/words.js';
import type { MeasuredPair } from '../providers/ports.js';

/** Whom a metrics connection measures, and what for the rollout's own gates. */
export const measuredPair = (
  source: string,
  stable: Revision,
  candidate: Revision,
  gates: readonly GatePolicy[],
): MeasuredPair => ({ stable, candidate, custom: measuredAt(source, gates) });
