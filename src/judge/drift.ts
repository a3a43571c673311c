import { blind, latch, type Memory } from './decide.js';
import { isGross, type Gate } from './gate.js';
import { SCALAR } from './packing.js';
import { findDrift, isImprovement, type DriftFinding, type DriftRules } from './paired-drift.js';
import { believe } from './samples.js';
import { conclusion, decimal } from './sentence.js';

/** Ten questions on two seeds (R5, R6). */
const MINIMUM_DIFFERENCES = 20;
const P95_TOLERANCE = 0.1;

/** The drift gate (G5 of judge.md §2, A5). Needs no soak and spends no alpha: the questions are fixed and paired. */
export const drift: Gate<Memory, readonly number[]> = {
  layout: { failed: SCALAR, elapsedMs: SCALAR },
  sample: (reading) => reading.drift,
  open: () => ({ failed: 0, elapsedMs: -1 }),
  judge: (context, before, sample) => {
    const { policy, gate } = context;
    const rules: DriftRules = {
      minimumDifferences: MINIMUM_DIFFERENCES,
      medianTolerance: gate.tolerance,
      p95Tolerance: Math.max(P95_TOLERANCE, gate.tolerance),
    };
    const believed = believe(sample, policy.staleMs, Array.isArray);
    const differences = believed.kind === 'good' ? believed.sample.value : [];
    const found: DriftFinding =
      believed.kind === 'good' ? orImproved(rules, differences, findDrift(rules, differences)) : blind(believed.reason);
    const { state, finding } = latch(
      believed.kind === 'good' ? { ...before, elapsedMs: believed.sample.elapsedMs } : before,
      found,
    );
    const median = found.median ?? 0;
    const told = `median |ΔS| ${decimal(median)} (tolerance ${decimal(gate.tolerance)}), p95 ${decimal(found.p95 ?? 0)} (tolerance ${decimal(rules.p95Tolerance)})`;
    return {
      state,
      finding,
      gross: isGross(context, median),
      figures: {
        differences: differences.length,
        medianDrift: found.median,
        p95Drift: found.p95,
        meanDrift: mean(found, differences),
        tolerance: gate.tolerance,
        p95Tolerance: rules.p95Tolerance,
      },
      sentence: `drift: ${String(differences.length)} paired differences: ${conclusion({
        context,
        finding,
        elapsedMs: state.elapsedMs,
        requests: differences.length,
        stableRequests: Infinity,
        unit: 'differences',
        atLeast: told,
        atMost: told,
        moreRequests: Math.max(0, MINIMUM_DIFFERENCES - differences.length),
        ageMs: sample?.ageMs,
      })}`,
    };
  },
};

function orImproved(rules: DriftRules, differences: readonly number[], found: DriftFinding): DriftFinding {
  return found.verdict === 'fail' && isImprovement(rules, differences)
    ? { ...found, verdict: 'inconclusive', reason: 'improved' }
    : found;
}

function mean(found: DriftFinding, differences: readonly number[]): number | undefined {
  return found.median === undefined
    ? undefined
    : differences.reduce((sum, difference) => sum + difference, 0) / differences.length;
}
