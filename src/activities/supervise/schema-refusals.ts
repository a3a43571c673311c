import type { SchemaDifference, Supervise } from '../../domain/effects.js';
import type { Reading } from '../../domain/reading.js';
import { EVERYBODY } from '../../domain/words.js';

/** The candidate must refuse at least this many times as much of its traffic as stable refuses of its own. */
const MARKEDLY = 2;

/**
 * The candidate refuses requests for their schema pins (R27): a mismatch that the 5xx gate cannot see. Callers with wrong pins
 * are refused by both revisions; so where stable refuses as well, the candidate's share must stand out.
 * `seen` is the candidate's count at the last tick: only a rise counts.
 */
export function refusalsRise(supervise: Supervise, reading: Reading, seen: number): SchemaDifference | undefined {
  const refusals = reading.schemaRefusals;
  if (refusals === undefined || refusals.ageMs > supervise.policy.staleMs) return undefined;
  const { stable, candidate } = refusals.value;
  if (candidate <= seen || candidate <= 0) return undefined;
  const traffic = trafficOf(supervise, reading);
  if (stable > 0 && candidate * traffic.stable <= MARKEDLY * stable * traffic.candidate) return undefined;
  return {
    stable: supervise.stable.schemaPins ?? {},
    candidate: supervise.candidate.schemaPins ?? {},
    text: `the candidate refused ${String(candidate)} requests for their schema pins since the step began (stable refused ${String(stable)})`,
  };
}

function trafficOf({ policy }: Supervise, { errors }: Reading): { readonly stable: number; readonly candidate: number } {
  if (errors !== undefined) return { stable: errors.value.stable.requests, candidate: errors.value.candidate.requests };
  return { stable: EVERYBODY - policy.weightBp, candidate: policy.weightBp };
}
