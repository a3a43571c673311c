import type { Instant, Json } from './words.js';

export type GateName = 'errors' | 'latency' | 'cold-starts' | 'queue-age' | 'drift' | 'dedupe' | `custom:${string}`;

/** Neither `inconclusive` nor `blind` ever advances a rollout (A8, I3). */
export type Verdict = 'pass' | 'fail' | 'inconclusive' | 'blind';

export type VerdictReason =
  // fail
  | 'worse'
  | 'latched'
  | 'duplicate-effect'
  | 'growth'
  | 'trend'
  | 'over-tolerance'
  // pass
  | 'certified'
  | 'accepted-by-budget'
  | 'no-growth'
  | 'within-tolerance'
  // inconclusive
  | 'soaking'
  | 'too-few-requests'
  | 'uncertain'
  | 'improved'
  // blind
  | 'stale'
  | 'invalid'
  | 'missing'
  | 'no-baseline'
  | 'no-canary'
  | 'out-of-range';

/** One gate's verdict at one tick, with what a person needs to check it. All figures are finite numbers. */
export interface GateVerdict {
  readonly gate: GateName;
  readonly verdict: Verdict;
  readonly reason: VerdictReason;
  /** False for a gate that only observes: it is reported and never decides. */
  readonly decisive: boolean;
  /** The lower bound is at least ten times the tolerance: no automatic retry (A11). Only ever true beside `fail`. */
  readonly gross: boolean;
  /** Named numbers: counts per side, bounds, tolerance, alpha spent, logE and its threshold. Units are in the names. */
  readonly figures: Readonly<Record<string, number>>;
  /** The same in plain words, for the timeline, the screen and Temporal's UI. */
  readonly sentence: string;
}

/** What the judge remembers between ticks: numbers only, at most 8 KB; opaque outside `judge/`. */
export type Evidence = Json;

/** All gates at one tick. */
export interface Judgement {
  /** By the clock of the worker that judged. */
  readonly at: Instant;
  /** Worst over the decisive gates: fail > blind > inconclusive > pass. */
  readonly verdict: Verdict;
  readonly gates: readonly GateVerdict[];
  /** How long the step has been measured, by the sources' clocks, in milliseconds. */
  readonly soakedMs: number;
  /** Of a blind one: what the metric sources had against it, in sentences. */
  readonly unread?: readonly string[];
}

const WORST_FIRST = ['fail', 'blind', 'inconclusive', 'pass'] as const;

/** As in a `sluice rollback`, whose gates only observe. */
export const nothingDecides = (gates: readonly GateVerdict[]): boolean => gates.every((gate) => !gate.decisive);

/** The worst of the decisive gates wins. Without a decisive gate there is no evidence, and no data is never a pass (I3). */
export function combine(gates: readonly GateVerdict[]): Verdict {
  const decisive = gates.filter((gate) => gate.decisive);
  return WORST_FIRST.find((verdict) => decisive.some((gate) => gate.verdict === verdict)) ?? 'blind';
}
