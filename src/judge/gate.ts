import type { GatePolicy, StepPolicy } from '../domain/policy.js';
import type { RateCounts, Reading, Sample } from '../domain/reading.js';
import { EVERYBODY } from '../domain/words.js';
import { riskBudget } from './budget.js';
import type { Finding, Memory, Rules } from './decide.js';
import { dispersionOfStable, type Dispersion } from './dispersion.js';
import type { Layout } from './packing.js';
import { sumsOf, upperBound, type Bounds } from './primitive.js';

/** A gate at a step: the policy, the gate's own line of it, and its part of the false-alarm budget. */
export interface Context {
  readonly policy: StepPolicy;
  readonly gate: GatePolicy;
  readonly alpha: number;
}

export interface Judged<S> {
  readonly state: S;
  readonly finding: Finding;
  /** At least ten times the tolerance (A11); only looked at beside a fail. */
  readonly gross: boolean;
  /** Those that are undefined are left out. */
  readonly figures: Readonly<Record<string, number | undefined>>;
  /** Put together only where it is read: a look-back reads none. */
  readonly sentence: string;
  /** True where there was nothing to judge at all: the gate is reported and enters no combination (A14). */
  readonly vacuous?: boolean;
}

export interface Gate<S extends Memory, T> {
  readonly layout: Layout<S>;
  sample(reading: Reading): Sample<T> | undefined;
  /** At the start of a step; `before` is the gate's memory of the step before, where there was one. */
  open(context: Context, before: S | undefined): S;
  judge(context: Context, state: S, sample: Sample<T> | undefined): Judged<S>;
  /**
   * What to judge so that a memory is judged once more as it stands, under another policy than the `recorded` one; undefined
   * where it does not hold enough for that. Absent: it never does.
   */
  again?(state: S, context: Context, recorded: GatePolicy): { readonly before: S; readonly sample: Sample<T> } | undefined;
}

/** A sample of what is remembered: nothing new is in it. */
export const repeated = <T>({ elapsedMs }: Memory, value: T): Sample<T> => ({ at: 0, ageMs: 0, elapsedMs, value });

/** For the literal rule, which counts ticks: as if the sample were a newer one. */
export const justBefore = <S extends Memory>(state: S): S => ({ ...state, elapsedMs: state.elapsedMs - 1 });

const MINIMUM_BAD = 3;
const NO_TRAFFIC_AFTER_MS = 60_000;
export const GROSS_FACTOR = 10;

/** At least ten times the tolerance (A11). Where nothing is tolerated there is nothing to multiply: never gross. */
export function isGross({ gate }: Context, excess: number): boolean {
  return gate.tolerance > 0 && excess >= GROSS_FACTOR * gate.tolerance;
}

/** How a gate judges under this policy. `budgetFactor`: see `riskBudget`. */
export function rulesOf({ policy, gate, alpha }: Context, budgetFactor: 1 | 10 = 1): Rules {
  return {
    alpha,
    beta: policy.beta,
    tolerance: gate.tolerance,
    minimumRequests: policy.minimumRequests,
    minimumStableRequests: policy.minimumRequests,
    minimumBad: MINIMUM_BAD,
    staleMs: policy.staleMs,
    soakMs: policy.soakMs,
    noTrafficAfterMs: Math.min(NO_TRAFFIC_AFTER_MS, policy.soakMs),
    weight: policy.weightBp / EVERYBODY,
    passUnlessWorse: policy.next === undefined,
    budget: (asked) => riskBudget(policy, asked, budgetFactor),
    ...(gate.mode === 'threshold' && { consecutive: gate.consecutive }),
  };
}

/** Without a known stable the candidate may not be bad more often than this (judge.md §0). */
export const CEILING = 0.5;

/**
 * The rate that stable does not exceed, by its 95 % upper bound over a step (judge.md §0 "At 100 %"). A bound vaguer than
 * the ceiling says nothing, so the ceiling holds, unless stable itself was worse. Undefined: stable was not seen.
 */
export function knownLimit({ requests, bad }: RateCounts, dispersion: Dispersion): number | undefined {
  if (requests <= 0) return undefined;
  const stable = { requests, bad: Math.min(bad, requests) };
  return Math.min(upperBound(sumsOf(stable, dispersionOfStable(dispersion)), 0.05, 0), Math.max(CEILING, stable.bad / requests));
}

/** The figures that every counting gate shows, so that a person can check the verdict and try another policy on it. */
export function commonFigures({ gate, alpha }: Context, bounds: Bounds, finding: Finding): Record<string, number | undefined> {
  return {
    tolerance: gate.tolerance,
    lowerBound: bounds.lower,
    upperBound: bounds.upper,
    alphaSpent: alpha,
    logEvidence: bounds.logEvidence,
    logThreshold: Math.log(1 / alpha),
    harmBadRequests: finding.harm,
    budgetBadRequests: finding.budget?.badRequests,
    expectedNextRequests: finding.budget?.next.requests,
  };
}
