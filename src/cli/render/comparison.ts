import { formatPercent } from '../../spec/percent.js';
import type { GateName } from '../../domain/verdict.js';
import type { Compared } from '../compare/comparison.js';
import type { LabelSet } from '../compare/label-sets.js';
import { inWords } from './durations.js';
import { sentenceOf } from './evidence.js';
import { gateLabel } from './gates.js';

/** What was looked at, and what came of it. */
export interface Looked {
  readonly compared: Compared;
  readonly looks: number;
  /** Measured, by the source's clock. */
  readonly spanMs: number;
  /** Why signals were absent. */
  readonly absent: readonly string[];
}

interface Comparison extends Looked {
  readonly source: string;
  readonly stable: LabelSet;
  readonly candidate: LabelSet;
  /** Gates for which the source has no signal. */
  readonly notJudged: readonly GateName[];
}

export function comparisonLines({
  source,
  stable,
  candidate,
  compared: { verdict, gates, weightBp, next },
  looks,
  spanMs,
  absent,
  notJudged,
}: Comparison): readonly string[] {
  return [
    `${source}: candidate ${inBraces(candidate)} against stable ${inBraces(stable)}, ${inWords(spanMs)} in ${looks} looks`,
    ...(weightBp === undefined
      ? []
      : [
          `the candidate has ${formatPercent(weightBp)} of the requests${next === undefined ? '' : `; next would be ${formatPercent(next.weightBp)} for ${inWords(next.soakMs)}`}`,
        ]),
    ...gates.map((gate) => sentenceOf(gate)),
    ...absent.map((why) => `no data: ${why}`),
    ...(notJudged.length === 0
      ? []
      : [`not judged, since ${source} gives no signal for it: ${notJudged.map(gateLabel).join(', ')}`]),
    verdict,
  ];
}

const inBraces = (labels: LabelSet): string =>
  `{${Object.entries(labels)
    .map(([name, value]) => `${name}="${value}"`)
    .join(',')}}`;
