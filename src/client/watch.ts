import { setTimeout as pause } from 'node:timers/promises';
import type { Target } from '../domain/words.js';
import { TemporalProblem } from './problem.js';
import { statusOf, type StatusOutcome } from './status.js';
import type { Temporal } from './temporal.js';

/** One look. `unreachable`: Temporal does not answer now; the rollout goes on without it as far as its lease reaches. */
export type Sighting = StatusOutcome | { readonly kind: 'unreachable'; readonly text: string };

export interface WatchOptions {
  /** Time between two looks, in milliseconds (1 s). A look costs a query and no history. */
  readonly everyMs?: number;
  /** Ends the watch, at once. */
  readonly signal?: AbortSignal;
}

/** Looks until the rollout has closed, which is the last sighting, or there is none. An outage of Temporal does not end it. */
export async function* watch(
  temporal: Temporal,
  target: Target,
  { everyMs = 1_000, signal }: WatchOptions = {},
): AsyncGenerator<Sighting, void, undefined> {
  while (signal?.aborted !== true) {
    const sighting = await look(temporal, target);
    yield sighting;
    if (sighting.kind === 'closed' || sighting.kind === 'broken' || sighting.kind === 'none') return;
    await pause(everyMs, undefined, signal === undefined ? {} : { signal }).catch(() => undefined);
  }
}

async function look(temporal: Temporal, target: Target): Promise<Sighting> {
  try {
    return await statusOf(temporal, target);
  } catch (error) {
    if (error instanceof TemporalProblem && error.kind === 'unreachable') return { kind: 'unreachable', text: error.message };
    throw error;
  }
}
