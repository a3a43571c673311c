import type { StepPolicy } from '../domain/policy.js';
import type { PerRevision, RateCounts, Reading, Sample } from '../domain/reading.js';
import { commonFigures, isGross, justBefore, repeated, rulesOf, type Gate } from './gate.js';
import { NOTHING_SEEN, ONE_SAMPLE_LAYOUT, stepOneSample, type OneSampleRules, type OneSampleState } from './one-sample.js';
import { isRateCounts, isRecord } from './samples.js';
import { conclusion, percent, share } from './sentence.js';

type Counts = PerRevision<RateCounts>;

/**
 * A gate on the candidate's own share, held to a limit (G3 of judge.md §2). It has no budget: unless over the limit, it
 * passes. Samples up to `warmUpMs` of the step are not counted.
 */
export const ownShareGate = (
  label: string,
  sampleOf: (reading: Reading) => Sample<Counts> | undefined,
  warmUpMs: (policy: StepPolicy) => number,
): Gate<OneSampleState, Counts> => ({
  layout: ONE_SAMPLE_LAYOUT,
  sample: sampleOf,
  open: () => NOTHING_SEEN,
  again: (state) => {
    const [requests, bad] = state.last;
    const candidate = { requests, bad };
    return { before: justBefore(state), sample: repeated(state, { candidate, stable: { requests: 0, bad: 0 } }) };
  },
  judge: (context, before, sample) => {
    const { gate, policy } = context;
    const rules: OneSampleRules = {
      ...rulesOf(context),
      minimumStableRequests: 0,
      passUnlessWorse: true,
      dispersion: 1,
      warmUpMs: warmUpMs(policy),
    };
    const { state, finding } = stepOneSample(rules, before, ofCandidate(sample));
    const [requests, bad] = state.total;
    const excess = rules.consecutive === undefined ? finding.bounds.lower : bad / Math.max(1, requests);
    return {
      state,
      finding,
      gross: isGross(context, excess),
      figures: {
        candidateRequests: requests,
        candidateBad: bad,
        ...commonFigures(context, finding.bounds, finding),
        counterResets: state.resets,
      },
      get sentence() {
        return `${label}: candidate ${share(bad, requests)}: ${conclusion({
          context,
          finding,
          elapsedMs: state.elapsedMs,
          requests,
          stableRequests: Infinity,
          atLeast: `at least ${percent(finding.bounds.lower)} (limit ${percent(gate.tolerance)})`,
          atMost: `at most ${percent(finding.bounds.upper)} (limit ${percent(gate.tolerance)})`,
          ...(rules.consecutive !== undefined &&
            requests > 0 && { literally: `${percent(bad / requests)} (limit ${percent(gate.tolerance)})`, streak: state.streak }),
          ageMs: sample?.ageMs,
        })}`;
      },
    };
  },
});

/** The candidate's side. A stable side that is impossible makes the source unbelievable; one that is absent does not matter. */
function ofCandidate(sample: Sample<Counts> | undefined): Sample<RateCounts> | undefined {
  if (!isRecord(sample)) return undefined;
  const value: unknown = sample.value;
  const usable = isRecord(value) && (value['stable'] === undefined || value['stable'] === null || isRateCounts(value['stable']));
  return { ...sample, value: (usable ? value['candidate'] : undefined) as RateCounts };
}
