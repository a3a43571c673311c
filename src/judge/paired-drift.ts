/** The rule of the drift gate (G5 of judge.md §2, A5): paired differences, nearest-rank quantiles. */
import type { Finding } from './decide.js';
import { isNumber } from './samples.js';

export interface DriftRules {
  /** Questions × seeds. */
  readonly minimumDifferences: number;
  /** Largest median |d|. */
  readonly medianTolerance: number;
  /** Largest p95 |d|. */
  readonly p95Tolerance: number;
}

export interface DriftFinding extends Finding {
  readonly median?: number;
  readonly p95?: number;
}

/** `differences`: ΔS on the candidate less ΔS on stable, one for each question and seed. */
export function findDrift(rules: DriftRules, differences: unknown): DriftFinding {
  if (!Array.isArray(differences) || !differences.every(isNumber)) return { verdict: 'blind', reason: 'invalid' };
  if (differences.length < rules.minimumDifferences || differences.length === 0)
    return { verdict: 'inconclusive', reason: 'too-few-requests' };
  const sizes = quantiles(differences.map(Math.abs));
  if (isWithin(rules, sizes)) return { verdict: 'pass', reason: 'within-tolerance', ...sizes };
  return { verdict: 'fail', reason: 'over-tolerance', ...sizes };
}

/** Whether what got worse is by itself within tolerance: then the drift is a change for the better, for a human to approve (A5). */
export function isImprovement(rules: DriftRules, differences: readonly number[]): boolean {
  return isWithin(rules, quantiles(differences.map((difference) => Math.max(0, difference))));
}

function isWithin(
  { medianTolerance, p95Tolerance }: DriftRules,
  { median, p95 }: { readonly median: number; readonly p95: number },
): boolean {
  return median <= medianTolerance + 1e-12 && p95 <= p95Tolerance + 1e-12;
}

/** With 20 values the p95 is the 19th, so one wild probe is forgiven and two are not. */
function quantiles(values: readonly number[]): { readonly median: number; readonly p95: number } {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (k: number): number => sorted[k] ?? NaN;
  const n = sorted.length;
  return { median: (at(Math.floor((n - 1) / 2)) + at(Math.floor(n / 2))) / 2, p95: at(Math.ceil(0.95 * n - 1e-9) - 1) };
}
