/** What a rollout can see at the traffic that is expected (judge.md §0), for `sluice plan`. */
import type { RolloutPlan, Step } from '../../domain/plan.js';
import type { GatePolicy } from '../../domain/policy.js';
import { stepPolicy } from '../../domain/step-policy.js';
import type { BasisPoints } from '../../domain/words.js';
import {
  detection,
  latencyDetection,
  literalFalseAlarms,
  type Detection,
  type Look,
  type Traffic,
} from '../../judge/detection.js';
import { passing, type Passing } from '../../judge/passing.js';

/** Shares of bad requests, and ratios of p95, that the table is about. */
export const ERROR_RATES = [0.005, 0.02, 0.2, 1] as const;
export const LATENCY_RATIOS = [1.2, 1.5, 2] as const;

const ASSUMED_RPS = 200;
const ASSUMED_ERROR_RATE = 0.001;

export interface Expected {
  readonly requestsPerSecond: number;
  readonly errorRate: number;
  /** Neither the plan nor the command line says how much traffic there is. */
  readonly rpsAssumed: boolean;
  readonly errorRateAssumed: boolean;
}

/** What the command line says, else what the plan says, else an ordinary service. */
export function expectedTraffic(
  { capacity }: Pick<RolloutPlan, 'capacity'>,
  { rps, errorRate }: { readonly rps?: number; readonly errorRate?: number },
): Expected {
  const known = rps ?? capacity?.expectedP50Rps;
  return {
    requestsPerSecond: known ?? ASSUMED_RPS,
    errorRate: errorRate ?? ASSUMED_ERROR_RATE,
    rpsAssumed: known === undefined,
    errorRateAssumed: errorRate === undefined,
  };
}

export interface StepOutlook {
  readonly step: number;
  readonly weightBp: BasisPoints;
  readonly soakMs: number;
  readonly soakMaxMs: number;
  /** By `ERROR_RATES`; undefined where stable itself is as bad. Absent: no error gate decides sequentially. */
  readonly errors?: readonly (Detection | undefined)[];
  /** By `LATENCY_RATIOS`. Absent: no latency gate decides sequentially. */
  readonly latency?: readonly Detection[];
  /** What becomes of a healthy release by the error gate. */
  readonly passing?: Passing;
}

export interface Outlook {
  readonly expected: Expected;
  readonly steps: readonly StepOutlook[];
  /** Share of healthy releases that an error gate in mode `threshold` rolls back, over all steps. */
  readonly literalFalseAlarms?: number;
}

export function outlookOf(plan: RolloutPlan, expected: Expected): Outlook {
  // Simulating no requests would tell tolerances under which nothing passes as well as any.
  if (expected.requestsPerSecond === 0)
    return { expected, steps: plan.steps.map((step, index) => ({ step: index + 1, ...timesOf(step) })) };
  const traffic: Traffic = { requestsPerSecond: expected.requestsPerSecond, stableRate: expected.errorRate };
  const gateIn = (name: GatePolicy['gate'], mode: GatePolicy['mode']): GatePolicy | undefined =>
    plan.judge.gates.find((gate) => gate.gate === name && gate.mode === mode);
  const errors = gateIn('errors', 'sequential');
  const latency = gateIn('latency', 'sequential');
  const literal = gateIn('errors', 'threshold');
  return {
    expected,
    steps: plan.steps.map((step, index) => ({
      step: index + 1,
      ...timesOf(step),
      ...(errors && {
        errors: ERROR_RATES.map((rate) =>
          rate > expected.errorRate ? detection(lookAt(plan, errors, index), traffic, rate) : undefined,
        ),
        passing: passing(lookAt(plan, errors, index), traffic),
      }),
      ...(latency && { latency: LATENCY_RATIOS.map((ratio) => latencyDetection(lookAt(plan, latency, index), traffic, ratio)) }),
    })),
    ...(literal && {
      literalFalseAlarms:
        1 - plan.steps.reduce((kept, _, index) => kept * (1 - literalFalseAlarms(lookAt(plan, literal, index), traffic)), 1),
    }),
  };
}

const timesOf = ({ weightBp, soakMs, soakMaxMs }: Step): Pick<StepOutlook, 'weightBp' | 'soakMs' | 'soakMaxMs'> => ({
  weightBp,
  soakMs,
  soakMaxMs,
});

/** As at the first entry to the step, with every gate of the plan in force. */
function lookAt(plan: RolloutPlan, gate: GatePolicy, index: number): Look {
  const before = plan.steps[index - 1];
  return {
    policy: stepPolicy(plan, { entries: [] }, { gatesInForce: plan.judge.gates.map((one) => one.gate) }, index),
    gate,
    tickMs: plan.tickMs,
    soakMaxMs: plan.steps[index]?.soakMaxMs ?? 0,
    ...(before && { before }),
  };
}
