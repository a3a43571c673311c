import { isGross, repeated, type Gate } from './gate.js';
import { GROWTH_LAYOUT, openGrowth, stepGrowth, type GrowthRules, type GrowthState } from './growth.js';
import { isNumber, isRecord } from './samples.js';
import { conclusion, decimal } from './sentence.js';

/** The queue-age gate (G4 of judge.md §2, R7, A10), the same in every mode. Gross: all recent ages are ten times the tolerance. */
export const queueAge: Gate<GrowthState, number> = {
  layout: GROWTH_LAYOUT,
  sample: (reading) => reading.queueAgeS,
  open: (_, before) => openGrowth(before && referenceAfter(before)),
  again: (state) => {
    const latest = state.recent.at(-1);
    return latest === undefined ? undefined : { before: state, sample: repeated(state, latest) };
  },
  judge: (context, before, sample) => {
    const { gate, policy } = context;
    const rules: GrowthRules = {
      toleranceS: gate.tolerance,
      highs: HIGHS,
      soakMs: policy.soakMs,
      staleMs: policy.staleMs,
      minimumPoints: 10,
      blocks: 6,
    };
    // A hundredth of a second is exact enough, and long decimals would fill the evidence.
    const rounded =
      isRecord(sample) && isNumber(sample.value) && sample.value > 0
        ? { ...sample, value: Math.round(sample.value * 100) / 100 }
        : sample;
    const { state, finding } = stepGrowth(rules, before, rounded);
    const latest = state.recent.at(-1);
    return {
      state,
      finding,
      gross: state.recent.length > 0 && isGross(context, Math.min(...state.recent)),
      figures: {
        ageS: latest,
        thresholdS: finding.thresholdS,
        toleranceS: gate.tolerance,
        points: state.points,
        referenceS: state.reference,
        highestS: Math.max(state.highest, 0, ...state.recent),
      },
      get sentence() {
        return `queue: oldest message ${latest === undefined ? 'unknown' : `${decimal(latest)} s`}: ${conclusion({
          context,
          finding,
          elapsedMs: state.elapsedMs,
          requests: state.points,
          stableRequests: Infinity,
          atLeast:
            finding.reason === 'trend'
              ? `it grew through the whole step (tolerance ${decimal(gate.tolerance)} s)`
              : `it keeps growing above ${decimal(finding.thresholdS ?? gate.tolerance)} s`,
          atMost: 'no growth',
          ageMs: sample?.ageMs,
          unit: 'measurements',
          ...(state.points < rules.minimumPoints && { moreRequests: rules.minimumPoints - state.points }),
        })}`;
      },
    };
  },
};

/**
 * judge.md §2 G4 has 4 and takes only the step before as its reference. At 90 % utilisation that rolled back 2.2 % of identical
 * releases; six new highs above the highest reference so far, none of 500, and a queue that grows by a second a second is found
 * ten seconds later (docs/judge.md).
 */
const HIGHS = 6;

/** Twice the highest age of any step that did not fail is healthy; a failed step says nothing of health. */
function referenceAfter({ failed, points, highest, recent, reference }: GrowthState): number {
  return failed === 1 || points === 0 ? reference : Math.max(reference, 2 * Math.max(highest, ...recent));
}
