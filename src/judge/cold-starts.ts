import type { PerRevision, RateCounts, Sample } from '../domain/reading.js';
import { commonFigures, isGross, rulesOf, type Gate } from './gate.js';
import { NOTHING_SEEN, ONE_SAMPLE_LAYOUT, stepOneSample, type OneSampleRules, type OneSampleState } from './one-sample.js';
import { isRateCounts, isRecord } from './samples.js';
import { conclusion, percent, share } from './sentence.js';

const WARM_UP_MS = 30_000;

/** The cold-start gate (G3 of judge.md §2, R8): the candidate's own share. It has no budget: unless over the limit, it passes. */
export const coldStarts: Gate<OneSampleState, PerRevision<RateCounts>> = {
  layout: ONE_SAMPLE_LAYOUT,
  sample: (reading) => reading.coldStarts,
  open: () => NOTHING_SEEN,
  judge: (context, before, sample) => {
    const { gate, policy } = context;
    // The first request of a pod that the step has just added is always a cold start: 3 of 3 would fail any release.
    const rules: OneSampleRules = {
      ...rulesOf(context),
      minimumStableRequests: 0,
      passUnlessWorse: true,
      dispersion: 1,
      warmUpMs: Math.min(WARM_UP_MS, policy.soakMs / 10),
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
      sentence: `cold starts: candidate ${share(bad, requests)}: ${conclusion({
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
      })}`,
    };
  },
};

/** The candidate's side. A stable side that is impossible makes the source unbelievable; one that is absent does not matter. */
function ofCandidate(sample: Sample<PerRevision<RateCounts>> | undefined): Sample<RateCounts> | undefined {
  if (!isRecord(sample)) return undefined;
  const value: unknown = sample.value;
  const usable = isRecord(value) && (value['stable'] === undefined || value['stable'] === null || isRateCounts(value['stable']));
  return { ...sample, value: (usable ? value['candidate'] : undefined) as RateCounts };
}
