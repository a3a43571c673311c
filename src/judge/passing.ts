/** Whether a healthy release gets through a step by itself (judge.md §0 "A healthy release must get through by itself"), before it begins. */
import type { VerdictReason } from '../domain/verdict.js';
import { EVERYBODY } from '../domain/words.js';
import { decide, type Finding, type Rules, type Seen } from './decide.js';
import { blocksOf, testOf, type Look, type Test, type Traffic } from './detection.js';
import { times } from './outlook.js';
import { addBlock, KNOWN_LIMIT, logWorse, lowerBound, NO_SUMS, upperBound, type Bounds, type Sums } from './primitive.js';
import { randomFrom, type Random } from './random.js';

export interface Passing {
  /** This gate's part of the false-alarm budget at the first entry to the step. */
  readonly alpha: number;
  /** Candidate requests expected within the soak. */
  readonly requests: number;
  /** Candidate requests at which a healthy release typically passes, whatever the soak; undefined: not within 64 soaks. */
  readonly requestsNeeded: number | undefined;
  /** Of the simulated healthy releases, how many pass at the soak's end, and until its extension is over. */
  readonly atSoak: number;
  readonly atSoakMax: number;
  /** What most of them end with. */
  readonly reason: VerdictReason;
  /** Bad requests allowed at the next step; undefined where none follows. */
  readonly budget: number | undefined;
  /** Where fewer than 95 of 100 pass: the budget, or the tolerance, under which they would. */
  readonly budgetNeeded: number | undefined;
  readonly toleranceNeeded: number | undefined;
}

const RUNS = 100;
const MOST = 0.95;
const BLOCKS_A_SOAK = 60;

export function passing(look: Look, traffic: Traffic): Passing {
  const { policy, tickMs } = look;
  const test = testOf(look, traffic);
  // Each release has numbers of its own, so that another budget or tolerance meets the very same releases.
  const runs = Array.from({ length: RUNS }, (_, k) => healthyRun(look, test, traffic, randomFrom(k)));
  const passed = runs.filter(({ finding }) => finding.verdict === 'pass');
  const atSoakMax = passed.length / RUNS;
  const most = (of: (run: HealthyRun) => number): number =>
    runs.map(of).sort((a, b) => a - b)[Math.ceil(MOST * RUNS) - 1] ?? Infinity;
  const isHeld = atSoakMax < MOST;
  const harm = isHeld ? most(({ finding, leastHarm }) => (finding.verdict === 'pass' ? 0 : leastHarm)) : Infinity;
  return {
    alpha: test.rules.alpha,
    requests: (traffic.requestsPerSecond * policy.weightBp * policy.soakMs) / EVERYBODY / 1_000,
    requestsNeeded: requestsNeeded(look, test, traffic),
    atSoak: passed.filter(({ elapsedMs }) => elapsedMs < policy.soakMs + everyMs(look) + tickMs).length / RUNS,
    atSoakMax,
    reason: mostFrequent(runs.map(({ finding }) => finding.reason)),
    budget: test.rules.budget?.({
      requests: (traffic.requestsPerSecond * policy.soakMs) / 1_000,
      elapsedMs: policy.soakMs,
      stableRate: traffic.stableRate,
    })?.badRequests,
    budgetNeeded: Number.isFinite(harm) ? harm : undefined,
    toleranceNeeded: isHeld ? most(({ finding, upper }) => (finding.verdict === 'pass' ? 0 : upper)) : undefined,
  };
}

interface HealthyRun {
  readonly elapsedMs: number;
  readonly finding: Finding;
  /** Of all looks; infinite where too few requests came to ask for the budget. */
  readonly leastHarm: number;
  /** UCB at the end. */
  readonly upper: number;
}

const everyMs = ({ policy, tickMs }: Look): number => Math.max(tickMs, policy.soakMs / BLOCKS_A_SOAK);

/** Looked at from the soak's end on, and later less and less often, until it passes, fails, or its extension is over. */
function healthyRun(look: Look, { rules, limit }: Test, traffic: Traffic, random: Random): HealthyRun {
  const untilMs = Math.max(look.soakMaxMs, look.policy.soakMs);
  const counts = { requests: 0, bad: 0, stableRequests: 0, stableBad: 0 };
  let sums = NO_SUMS;
  let leastHarm = Infinity;
  let nextMs = look.policy.soakMs;
  const judgeNow = (elapsedMs: number): HealthyRun => {
    const { finding, bounds } = judgeAt(rules, limit, sums, seenOf({ ...counts, elapsedMs }, limit));
    leastHarm = Math.min(leastHarm, finding.harm ?? Infinity);
    return { elapsedMs, finding, leastHarm, upper: bounds.upper };
  };
  const drawn = { candidateRate: traffic.stableRate, everyMs: everyMs(look), untilMs, random };
  for (const { elapsedMs, candidate, stable } of blocksOf(look, traffic, drawn)) {
    sums = addBlock(sums, candidate, limit === undefined ? stable : KNOWN_LIMIT, 1);
    counts.requests += candidate.requests;
    counts.bad += candidate.bad;
    counts.stableRequests += stable.requests;
    counts.stableBad += stable.bad;
    if (elapsedMs < nextMs) continue;
    const run = judgeNow(elapsedMs);
    if (run.finding.verdict === 'pass' || run.finding.verdict === 'fail') return run;
    nextMs = elapsedMs * 1.1;
  }
  return judgeNow(untilMs);
}

interface Counted extends Pick<Seen, 'elapsedMs' | 'requests' | 'bad' | 'stableRequests'> {
  readonly stableBad: number;
}

const seenOf = ({ stableBad, stableRequests, ...candidate }: Counted, limit: number | undefined): Seen => ({
  ...candidate,
  stableRequests: limit === undefined ? stableRequests : Infinity,
  stableRate: limit === undefined ? (stableBad + 0.5) / (stableRequests + 1) : 0,
});

function judgeAt(
  rules: Rules,
  limit: number | undefined,
  sums: Sums,
  seen: Seen,
): { readonly finding: Finding; readonly bounds: Bounds } {
  const tolerance = rules.tolerance + (limit ?? 0);
  const least = limit === undefined ? -1 : 0;
  const bounds = {
    lower: lowerBound(sums, rules.alpha, least),
    upper: upperBound(sums, rules.beta, least),
    logEvidence: logWorse(sums, tolerance),
  };
  return { finding: decide({ ...rules, tolerance }, seen, bounds), bounds };
}

const FARTHEST = 64;

/** The sums are linear in the data: the expected soak, so many times over. */
function requestsNeeded(
  { policy }: Look,
  { rules, limit }: Test,
  { requestsPerSecond, stableRate }: Traffic,
): number | undefined {
  const weight = policy.weightBp / EVERYBODY;
  const all = (requestsPerSecond * policy.soakMs) / 1_000;
  const [n1, n0] = [all * weight, all * (1 - weight)];
  if (n1 <= 0) return undefined;
  const stable = limit === undefined ? { requests: n0, bad: n0 * stableRate } : KNOWN_LIMIT;
  const sums = addBlock(NO_SUMS, { requests: n1, bad: n1 * stableRate }, stable, 1);
  const passesAt = (factor: number): boolean => {
    const counted = {
      elapsedMs: factor * policy.soakMs,
      requests: factor * n1,
      bad: factor * n1 * stableRate,
      stableRequests: factor * n0,
      stableBad: factor * n0 * stableRate,
    };
    const early = { ...rules, soakMs: 0, noTrafficAfterMs: Infinity };
    return judgeAt(early, limit, times(sums, factor), seenOf(counted, limit)).finding.verdict === 'pass';
  };
  let high = 1 / FARTHEST;
  while (high <= FARTHEST && !passesAt(high)) high *= 2;
  if (high > FARTHEST) return undefined;
  let low = high / 2;
  for (let k = 0; k < 6; k++) {
    const middle = (low + high) / 2;
    if (passesAt(middle)) high = middle;
    else low = middle;
  }
  return high * n1;
}

function mostFrequent(reasons: readonly VerdictReason[]): VerdictReason {
  const countOf = (reason: VerdictReason): number => reasons.filter((other) => other === reason).length;
  return [...new Set(reasons)].sort((a, b) => countOf(b) - countOf(a))[0] ?? 'soaking';
}
