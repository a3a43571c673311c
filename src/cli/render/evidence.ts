import type { Sighting } from '../../client/index.js';
import type { TimelineEntry } from '../../domain/timeline.js';
import type { GateVerdict } from '../../domain/verdict.js';
import { judgementOf } from './header.js';

/** A gate in whole sentences: counts, bounds, tolerance, and what of the false-alarm budget a failure used. */
export const sentenceOf = ({ sentence, decisive }: GateVerdict): string => `${sentence}${decisive ? '' : ' (observed)'}`;

/** The newest evidence: of the last tick where the step is watched, else what the last decision stood on. */
export function evidenceLines(sighting: Sighting): readonly string[] {
  return gatesOf(sighting).map((gate) => `  ${sentenceOf(gate)}`);
}

function gatesOf(sighting: Sighting): readonly GateVerdict[] {
  switch (sighting.kind) {
    case 'open':
      return judgementOf(sighting)?.gates ?? lastJudged(sighting.status.timeline);
    case 'closed':
      return lastJudged(sighting.outcome.timeline);
    default:
      return [];
  }
}

const lastJudged = (timeline: readonly TimelineEntry[]): readonly GateVerdict[] =>
  timeline.findLast(({ gates = [] }) => gates.length > 0)?.gates ?? [];
