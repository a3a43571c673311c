/** What a drill breaks, and what must then bring the users back (docs/operations "How long an unattended exposure can be"). */
import type { RolloutPlan } from '../../domain/plan.js';
import type { BasisPoints } from '../../domain/words.js';

export const FAULTS = ['errors', 'blind', 'worker-dead', 'temporal-dead', 'router-down'] as const;
export type Fault = (typeof FAULTS)[number];

export interface Bound {
  /** What returns the users. */
  readonly by: string;
  readonly withinMs: number;
}

/** Routers count leases in whole seconds and round up. */
const LEASE_ROUNDING_MS = 1_000;
/** Blindness is told when it has held for three ticks, which a bucket that ends meanwhile makes begin again; each begins within one. */
const TICKS_UNTIL_TOLD = 7;

/** The plan is the one that was written: a drill lifts soaks, and none of the times below. */
export function boundOf(fault: Fault, plan: RolloutPlan, atBp: BasisPoints): Bound {
  const leaseMs = plan.leaseMs + LEASE_ROUNDING_MS;
  switch (fault) {
    case 'errors':
      // What the gate has not found by then would hold the step for a human.
      return { by: 'gate', withinMs: (plan.steps.find(({ weightBp }) => weightBp >= atBp) ?? lastOf(plan)).soakMaxMs };
    case 'blind':
      return { by: 'limits.blind', withinMs: plan.limits.blindMs + plan.judge.staleMs + TICKS_UNTIL_TOLD * plan.tickMs };
    case 'worker-dead':
    case 'router-down':
      return { by: 'lease', withinMs: leaseMs };
    case 'temporal-dead':
      return { by: 'bucket + lease', withinMs: plan.bucketMs + leaseMs };
  }
}

/** Without a lease nobody ends the exposure when these happen. */
export const needsLease = (fault: Fault): boolean => fault !== 'errors' && fault !== 'blind';

const lastOf = ({ steps }: RolloutPlan): RolloutPlan['steps'][number] => steps[steps.length - 1] as RolloutPlan['steps'][number];
