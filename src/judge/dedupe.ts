import type { DedupeCounts, RateCounts, Sample } from '../domain/reading.js';
import { commonFigures, isGross, justBefore, repeated, rulesOf, type Gate } from './gate.js';
import { NOTHING_SEEN, ONE_SAMPLE_LAYOUT, stepOneSample, type OneSampleRules, type OneSampleState } from './one-sample.js';
import { isCount, isRecord } from './samples.js';
import { conclusion, percent, whole } from './sentence.js';

/**
 * The dedupe gate (G6 of judge.md §2, R21, A14): replays that were not answered from the record. A duplicate effect fails
 * at once, and counts as gross: none is tolerated, so any is ten times too many. Without replays it is vacuous, and so it is
 * at the soak's end with too few of them and none missed: a handful says no more than none does, and must not hold a quiet
 * service for ever. With one missed among so few the gate waits for more, or for a human.
 */
export const dedupe: Gate<OneSampleState, DedupeCounts> = {
  layout: ONE_SAMPLE_LAYOUT,
  sample: (reading) => reading.dedupe,
  open: () => NOTHING_SEEN,
  again: (state) => {
    const [replays, misses] = state.last;
    return { before: justBefore(state), sample: repeated(state, { replays, misses, duplicateEffects: 0 }) };
  },
  judge: (context, before, sample) => {
    const { gate } = context;
    const rules: OneSampleRules = {
      ...rulesOf(context),
      minimumStableRequests: 0,
      passUnlessWorse: true,
      dispersion: 1,
      warmUpMs: -1,
    };
    const duplicates =
      isRecord(sample) && isRecord(sample.value) && isCount(sample.value.duplicateEffects) ? sample.value.duplicateEffects : 0;
    const stepped = stepOneSample(rules, before, asRate(sample), duplicates);
    const { state } = stepped;
    const [replays, misses] = state.total;
    const { verdict, reason } = stepped.finding;
    const vacuous =
      replays === 0 ? verdict === 'inconclusive' || reason === 'no-canary' : reason === 'too-few-requests' && misses === 0;
    const finding = vacuous
      ? { ...stepped.finding, verdict: 'inconclusive' as const, reason: 'too-few-requests' as const }
      : stepped.finding;
    const excess = rules.consecutive === undefined ? finding.bounds.lower : misses / Math.max(1, replays);
    return {
      state,
      finding,
      vacuous,
      gross: finding.reason === 'duplicate-effect' || isGross(context, excess),
      figures: {
        replays,
        misses,
        duplicateEffects: duplicates,
        ...commonFigures(context, finding.bounds, finding),
        counterResets: state.resets,
      },
      get sentence() {
        const counted =
          duplicates > 0
            ? `${whole(duplicates)} ${duplicates === 1 ? 'effect' : 'effects'} repeated`
            : `${whole(misses)} misses in ${whole(replays)} replays`;
        return `dedupe: ${counted}: ${
          vacuous
            ? `not judged (vacuous): ${replays === 0 ? 'no replays were seen' : `fewer than ${whole(rules.minimumRequests)} were seen, and none missed`}.`
            : conclusion({
                context,
                finding,
                elapsedMs: state.elapsedMs,
                requests: replays,
                stableRequests: Infinity,
                unit: 'replays',
                atLeast: `at least ${percent(finding.bounds.lower)} missed (limit ${percent(gate.tolerance)})`,
                atMost: `at most ${percent(finding.bounds.upper)} missed (limit ${percent(gate.tolerance)})`,
                ...(rules.consecutive !== undefined &&
                  replays > 0 && {
                    literally: `${percent(misses / replays)} missed (limit ${percent(gate.tolerance)})`,
                    streak: state.streak,
                  }),
                ageMs: sample?.ageMs,
              })
        }`;
      },
    };
  },
};

/** Replays as requests, misses as bad ones; impossible numbers stay impossible. */
function asRate(sample: Sample<DedupeCounts> | undefined): Sample<RateCounts> | undefined {
  if (!isRecord(sample)) return undefined;
  const value: unknown = sample.value;
  const usable = isRecord(value) && isCount(value['duplicateEffects']);
  return { ...sample, value: (usable ? { requests: value['replays'], bad: value['misses'] } : undefined) as RateCounts };
}
