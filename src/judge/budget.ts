/** The risk budget: how much harm the next step could still do before it stops by itself (judge.md §3 "Risk budget, corrected"). */
import type { StepPolicy } from '../domain/policy.js';
import { EVERYBODY } from '../domain/words.js';
import { clipBet, WORSE_BETS } from './primitive.js';

/** The step after this one, as far as harm goes. */
export interface NextStep {
  /** N_next: candidate requests expected over its soak. */
  readonly requests: number;
  /** rho': candidate requests for each stable one; 0 when no stable runs beside it. */
  readonly ratio: number;
  /** False where no stable runs beside it: it is then counted as if it never stopped. */
  readonly stops: boolean;
}

export interface RiskBudget {
  readonly badRequests: number;
  readonly next: NextStep;
}

interface Test {
  readonly tolerance: number;
  readonly alpha: number;
  /** p0. */
  readonly stableRate: number;
}

const KAPPA = 2;
const GRID = 48;

/** Expected extra bad requests at the next step if the candidate is worse by exactly `difference`. */
function harmAt(difference: number, next: NextStep, { tolerance, alpha, stableRate: p0 }: Test): number {
  if (!next.stops) return difference * next.requests;
  const p1 = Math.min(1, p0 + difference);
  let information = 0;
  for (const bet of WORSE_BETS) {
    const h = clipBet(bet, next.ratio);
    const stable = next.ratio > 0 ? (p0 / next.ratio) * Math.log1p(-next.ratio * h) : -p0 * h;
    information = Math.max(information, p1 * Math.log1p(h) + stable - tolerance * h);
  }
  const untilStopped = (KAPPA * (Math.log(1 / alpha) + Math.log(WORSE_BETS.length))) / information;
  return difference * (information > 0 ? Math.min(next.requests, untilStopped) : next.requests);
}

const differencesUpTo = (upper: number): readonly number[] =>
  Array.from({ length: GRID + 1 }, (_, k) => upper * 10 ** (-4 * (1 - k / GRID)));

/** harm(UCB) of judge.md §3: the largest expected number of extra bad requests over every difference up to `upper`. */
export function harm(upper: number, next: NextStep, test: Test): number {
  if (upper <= 0) return 0;
  return Math.max(0, ...differencesUpTo(upper).map((difference) => harmAt(difference, next, test)));
}

/** The largest difference, up to `upper`, below which the harm stays inside the budget. */
export function harmlessUpTo(upper: number, budget: RiskBudget, test: Test): number {
  let harmless = 0;
  if (upper <= 0) return harmless;
  for (const difference of differencesUpTo(upper)) {
    if (harmAt(difference, budget.next, test) > budget.badRequests) break;
    harmless = difference;
  }
  return harmless;
}

/** What the budget is asked with: requests seen on both sides, over how long, and the rate of bad ones that stable has anyway. */
export interface Asked {
  readonly requests: number;
  readonly elapsedMs: number;
  /** p0. */
  readonly stableRate: number;
}

/** So many standard deviations of stable's own bad requests may be risked; by simulation, see docs/judge.md "Budget". */
const SPREADS = 8;

/**
 * The policy's budget for the next step (judge.md §0): `auto` is the largest of 75, of 0.02 % of the requests expected there at
 * the observed rate, and of 8 standard deviations of the bad ones that stable itself would have among them. Without the last
 * a healthy release of a service with many errors never passes: what it might do is not to be told from what stable does by
 * chance. `factor` is 10 for latency, whose bad requests are only slow, and whose stable rate is always 5 %: there the last
 * does not count. Absent where nothing follows or nothing is known of the rate: then there is nothing to accept.
 */
export function riskBudget(
  policy: StepPolicy,
  { requests, elapsedMs, stableRate }: Asked,
  factor: 1 | 10 = 1,
): RiskBudget | undefined {
  if (policy.next === undefined || elapsedMs <= 0) return undefined;
  const weight = policy.next.weightBp / EVERYBODY;
  const expected = (requests / elapsedMs) * weight * policy.next.soakMs;
  const spread = factor === 1 ? Math.sqrt(expected * stableRate * (1 - stableRate)) : 0;
  const badRequests =
    policy.badRequestsBudget === 'auto' ? Math.max(75, 0.0002 * expected, SPREADS * spread) : policy.badRequestsBudget;
  return {
    badRequests: badRequests * factor,
    next: { requests: expected, ratio: weight < 1 ? weight / (1 - weight) : 0, stops: weight < 1 },
  };
}
