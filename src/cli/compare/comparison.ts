/** Two label sets judged as a candidate against its stable, without a rollout. Pure: readings in, verdicts out. */
import type { RolloutPlan } from '../../domain/plan.js';
import type { StepPolicy } from '../../domain/policy.js';
import type { Reading } from '../../domain/reading.js';
import { combine, type GateName, type GateVerdict, type Verdict } from '../../domain/verdict.js';
import { EVERYBODY } from '../../domain/words.js';
import { judge, openEvidence } from '../../judge/judge.js';
import { EXIT, type ExitCode } from '../exit-codes.js';

export interface Compared {
  readonly verdict: Verdict;
  readonly gates: readonly GateVerdict[];
  /** The candidate's share of the requests, in basis points; undefined: there were none. */
  readonly weightBp: number | undefined;
  /** The step of the policy that would come next, for the risk budget. */
  readonly next: StepPolicy['next'];
}

/** Judged at every reading until one fails, or as it stands at the last. `spanMs` is the soak: before it nothing passes. */
export function compare(
  plan: Pick<RolloutPlan, 'judge' | 'steps'>,
  gatesInForce: readonly GateName[],
  readings: readonly Reading[],
  spanMs: number,
): Compared {
  const weightBp = weightIn(readings.at(-1));
  const policy = policyAt(plan, gatesInForce, weightBp, spanMs);
  let evidence = openEvidence(policy);
  let gates: readonly GateVerdict[] = [];
  for (const reading of readings) {
    const judged = judge(policy, evidence, reading);
    ({ evidence } = judged);
    gates = judged.verdicts;
    if (combine(gates) === 'fail') break;
  }
  return { verdict: combine(gates), gates, weightBp, next: policy.next };
}

/** One comparison is one step: it has the whole false-alarm budget of a first entry to itself. */
function policyAt(
  { judge: gateKeeping, steps }: Pick<RolloutPlan, 'judge' | 'steps'>,
  gatesInForce: readonly GateName[],
  weightBp: number | undefined,
  spanMs: number,
): StepPolicy {
  const next = weightBp === undefined ? undefined : (steps.find((step) => step.weightBp > weightBp) ?? steps.at(-1));
  return {
    ...gateKeeping,
    gates: gateKeeping.gates.filter(({ gate }) => gatesInForce.includes(gate)),
    weightBp: weightBp ?? EVERYBODY / 2,
    soakMs: spanMs,
    judgedSteps: 1,
    earlierEntries: 0,
    ...(next && { next: { weightBp: next.weightBp, soakMs: next.soakMs } }),
  };
}

function weightIn(reading: Reading | undefined): number | undefined {
  const { stable, candidate } = reading?.errors?.value ?? {};
  const all = (stable?.requests ?? 0) + (candidate?.requests ?? 0);
  if (candidate === undefined || all === 0) return undefined;
  return Math.min(EVERYBODY - 1, Math.max(1, Math.round((candidate.requests / all) * EVERYBODY)));
}

/** How long the slowest signal has been measured, by its own clock; 0 where there is none. */
export function spanOf({ custom = {}, ...signals }: Reading): number {
  const spans = [...Object.values(signals), ...Object.values(custom)].map(({ elapsedMs }) => elapsedMs);
  return spans.length === 0 ? 0 : Math.min(...spans);
}

/** As a rollout would end: back, held for a human; blind is an error, since nothing could be judged. */
export const EXIT_OF: Record<Verdict, ExitCode> = {
  pass: EXIT.ok,
  fail: EXIT.rolledBack,
  inconclusive: EXIT.held,
  blind: EXIT.error,
};
