/** From bounds to a verdict: the order of judge.md §3, the same for every gate that counts requests. */
import type { Verdict, VerdictReason } from '../domain/verdict.js';
import { harm, type Asked, type RiskBudget } from './budget.js';
import type { Bounds } from './primitive.js';

/** What every gate remembers besides its own numbers. */
export interface Memory {
  /** 1 once the gate has failed in this step: nothing takes that back (judge.md §3). */
  readonly failed: number;
  /** Span of the newest good sample; −1 before the first. A sample from before it is not believed. */
  readonly elapsedMs: number;
}

export interface Finding {
  readonly verdict: Verdict;
  readonly reason: VerdictReason;
  /** Extra bad requests still possible at the next step, and what is allowed there; present where the budget was asked. */
  readonly harm?: number;
  readonly budget?: RiskBudget;
}

/** How a counting gate judges at this step. Milliseconds, shares and ratios; `alpha` is this gate's own part. */
export interface Rules {
  readonly alpha: number;
  readonly beta: number;
  readonly tolerance: number;
  /** N1 below this is too few. */
  readonly minimumRequests: number;
  /** N0 below this is too few. */
  readonly minimumStableRequests: number;
  /** No fail on fewer bad candidate requests: one poisoned request, retried, must not fail a release (judge.md §1). */
  readonly minimumBad: number;
  readonly staleMs: number;
  readonly soakMs: number;
  /** From here on a side without requests is blind. */
  readonly noTrafficAfterMs: number;
  /** The candidate's share of the traffic, 0 … 1. */
  readonly weight: number;
  /** Absent: only a certified gate passes, unless `passUnlessWorse`. */
  readonly budget?: (asked: Asked) => RiskBudget | undefined;
  /** Passes after the soak when not failed: gates without a budget, and the last step, after which no step can do harm. */
  readonly passUnlessWorse: boolean;
  /** Present: the literal rule instead (`threshold`), with so many ticks in a row. */
  readonly consecutive?: number;
}

export interface Seen {
  readonly elapsedMs: number;
  /** N1, E1. */
  readonly requests: number;
  readonly bad: number;
  /** N0; infinite against a known limit. */
  readonly stableRequests: number;
  /** p0 for the risk budget. */
  readonly stableRate: number;
  /** The gate's own reason why it cannot see. */
  readonly outOfRange?: boolean;
  /** False while the gate still learns what to compare. */
  readonly ready?: boolean;
}

const inconclusive = (reason: VerdictReason): Finding => ({ verdict: 'inconclusive', reason });
export const blind = (reason: VerdictReason): Finding => ({ verdict: 'blind', reason });

/** Why this much data cannot be judged at all, whatever it says. */
export function blindness(rules: Rules, seen: Seen): Finding | undefined {
  if (seen.outOfRange === true) return blind('out-of-range');
  if (seen.elapsedMs < rules.noTrafficAfterMs) return undefined;
  if (seen.stableRequests <= 0) return blind('no-baseline');
  const expected = seen.stableRequests === Infinity ? 20 : (seen.stableRequests * rules.weight) / (1 - rules.weight);
  return seen.requests <= 0 && expected >= 20 ? blind('no-canary') : undefined;
}

export function tooFew(rules: Rules, seen: Seen): boolean {
  return seen.ready === false || seen.requests < rules.minimumRequests || seen.stableRequests < rules.minimumStableRequests;
}

export function decide(rules: Rules, seen: Seen, bounds: Bounds): Finding {
  if (bounds.logEvidence >= Math.log(1 / rules.alpha) && seen.bad >= rules.minimumBad)
    return { verdict: 'fail', reason: 'worse' };
  const cannotSee = blindness(rules, seen);
  if (cannotSee) return cannotSee;
  if (seen.elapsedMs < rules.soakMs) return inconclusive('soaking');
  if (tooFew(rules, seen)) return inconclusive('too-few-requests');
  if (bounds.upper <= rules.tolerance) return { verdict: 'pass', reason: 'certified' };
  if (rules.passUnlessWorse) return { verdict: 'pass', reason: 'within-tolerance' };
  const stableRequests = seen.stableRequests === Infinity ? 0 : seen.stableRequests;
  const budget = rules.budget?.({ ...seen, requests: seen.requests + stableRequests });
  if (budget === undefined) return inconclusive('uncertain');
  const possible = harm(bounds.upper, budget.next, { ...rules, stableRate: seen.stableRate });
  const found =
    possible <= budget.badRequests ? ({ verdict: 'pass', reason: 'accepted-by-budget' } as const) : inconclusive('uncertain');
  return { ...found, harm: possible, budget };
}

/** Fail latches for the step (judge.md §0). */
export function latch<S extends Memory>(state: S, finding: Finding): { readonly state: S; readonly finding: Finding } {
  if (finding.verdict === 'fail') return { state: { ...state, failed: 1 }, finding };
  return { state, finding: state.failed === 1 ? { ...finding, verdict: 'fail', reason: 'latched' } : finding };
}
