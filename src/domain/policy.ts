import type { CustomMeasure } from './custom-measure.js';
import type { BasisPoints } from './words.js';
import type { GateName } from './verdict.js';

/**
 * How a gate decides. `sequential`: may be looked at on every tick (judge.md §1). `threshold`: the literal rule.
 * `observe`: judged as `sequential`, reported, never decisive.
 */
export type GateMode = 'sequential' | 'threshold' | 'observe';

export interface GatePolicy {
  readonly gate: GateName;
  readonly mode: GateMode;
  /**
   * errors: absolute difference of rates (0.0005 is 0.05 percentage points, R3). latency: ratio of p95 (1.10, R4).
   * cold-starts: share (0.05, R8). queue-age: the rise that matters, in seconds (30). drift: median |d| (0.03, R5).
   * dedupe: share of misses (0.001, R21). custom: as errors, or, by itself, as dedupe; of a value, the threshold.
   */
  readonly tolerance: number;
  /** Preflight refuses the rollout when the gate's source is missing, instead of listing it as `not judged`. */
  readonly required: boolean;
  /** `threshold` only: ticks in a row over the tolerance before it fails. */
  readonly consecutive: number;
  /** Part of alpha before all parts are brought to a sum of 1; absent: v of judge.md §2. */
  readonly share?: number;
  /** Of a `custom:` gate: what it measures. Absent: a proportion against stable that a connection knows by its name. */
  readonly measure?: CustomMeasure;
}

/** The part of a plan that the judge needs. */
export interface JudgePolicy {
  readonly gates: readonly GatePolicy[];
  /** Chance of ever rolling back a release that is no worse than the tolerances, over the whole rollout (0.01). */
  readonly alpha: number;
  /** Chance of certifying one that is worse, per gate and step (0.05). */
  readonly beta: number;
  /** Requests a side below which a gate stays inconclusive. */
  readonly minimumRequests: number;
  /** A sample older than this is no data. */
  readonly staleMs: number;
  /** Extra bad requests at the next step that a pass may still risk (judge.md §0 "risk budget"); `auto`: see `riskBudget`. */
  readonly badRequestsBudget: number | 'auto';
}

/** What is judged now: the policy and where the rollout stands. `judge(policy, evidence, reading)` takes this. */
export interface StepPolicy extends JudgePolicy {
  readonly weightBp: BasisPoints;
  readonly soakMs: number;
  /** Steps that are judged in a ramp, the bake included (S of judge.md §2). */
  readonly judgedSteps: number;
  /** Earlier entries to this step in this rollout, whatever ended them (r of judge.md §2). */
  readonly earlierEntries: number;
  /** Absent at the last step. */
  readonly next?: { readonly weightBp: BasisPoints; readonly soakMs: number };
}
