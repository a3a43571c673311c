import type { Ground } from './effects.js';
import type { RolloutPlan } from './plan.js';
import type { StepPolicy } from './policy.js';
import type { Ledger } from './state.js';

/** What the judge is told at a step: only the gates that preflight found a source for, and the step's share of alpha (judge.md §2). */
export function stepPolicy(
  plan: Pick<RolloutPlan, 'steps' | 'judge'>,
  ledger: Pick<Ledger, 'entries'>,
  ground: Pick<Ground, 'gatesInForce'>,
  index: number,
): StepPolicy {
  const step = stepAt(plan, index);
  const next = plan.steps[index + 1];
  return {
    ...plan.judge,
    gates: plan.judge.gates.filter((gate) => ground.gatesInForce.includes(gate.gate)),
    weightBp: step.weightBp,
    soakMs: step.soakMs,
    judgedSteps: plan.steps.length,
    earlierEntries: Math.max(0, (ledger.entries[index] ?? 0) - 1),
    ...(next === undefined ? {} : { next: { weightBp: next.weightBp, soakMs: next.soakMs } }),
  };
}

export function stepAt(plan: Pick<RolloutPlan, 'steps'>, index: number): RolloutPlan['steps'][number] {
  const step = plan.steps[index];
  if (step === undefined) throw new RangeError(`step ${index} of ${plan.steps.length}`);
  return step;
}

/**
 * Units that a weight needs: ceil(headroom × p50 rps × weight × mean latency ÷ concurrency) (A21); before the first step as
 * much as the first two steps need (R11).
 */
export function unitsFor(plan: RolloutPlan, index: number): number {
  if (plan.capacity === undefined) return 0;
  const { headroom, expectedP50Rps, meanLatencyS, concurrencyPerInstance } = plan.capacity;
  const weightBp = stepAt(plan, index === 0 ? Math.min(1, plan.steps.length - 1) : index).weightBp;
  // Rounded before the ceiling, so that 3.0000000000000004 does not ask for a fourth instance.
  const exact = (headroom * expectedP50Rps * (weightBp / 10_000) * meanLatencyS) / concurrencyPerInstance;
  return Math.max(1, Math.ceil(Number(exact.toFixed(9))));
}
