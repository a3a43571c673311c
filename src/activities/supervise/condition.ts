import { TICKS_TO_CHANGE, type Condition } from '../../domain/effects.js';
import type { StepPolicy } from '../../domain/policy.js';
import type { Reading, Sample } from '../../domain/reading.js';
import { nothingDecides, type Judgement } from '../../domain/verdict.js';
import { EVERYBODY } from '../../domain/words.js';

/** From here on the judge calls a side without requests blind (judge.md §3); before, silence may be chance. */
const SILENCE_MS = 60_000;
/** Fewer expected requests than this may well be none. */
const FEW = 5;

/** How long the bucket has watched, and how long it will. */
export interface Watching {
  readonly watchedMs: number;
  readonly bucketMs: number;
  readonly tickMs: number;
  readonly known: Condition['kind'];
}

/** What this tick shows besides the verdict. A pass stands above everything: with it nothing is missing. */
export function conditionOf(
  policy: StepPolicy,
  judgement: Judgement,
  reading: Reading,
  watching: Watching,
): Exclude<Condition['kind'], 'foreign'> {
  if (judgement.verdict === 'pass') return 'judging';
  if (nothingDecides(judgement.gates)) return hasSoaked(policy, judgement, watching) ? 'idle' : 'judging';
  if (isIdle(policy, reading)) return 'idle';
  if (judgement.verdict === 'blind') return whyBlind(policy, judgement, reading);
  return judgement.verdict === 'inconclusive' && judgement.soakedMs >= policy.soakMs ? 'inconclusive' : 'judging';
}

/**
 * Where no gate decides (they only observe, as in `sluice rollback`, or none is in force) there is nothing to be blind to: once
 * the soak is over the step waits as an idle one does, and `accept-on-probes` may accept it (A24). Without any sample the soak
 * is the bucket's own time, as far as one bucket reaches.
 */
function hasSoaked({ soakMs }: StepPolicy, { soakedMs }: Judgement, { watchedMs, bucketMs, tickMs, known }: Watching): boolean {
  return known === 'idle' || soakedMs >= soakMs || watchedMs >= Math.min(soakMs, bucketMs - TICKS_TO_CHANGE * tickMs);
}

/**
 * Nobody is blind who merely sees little. A fresh source that shows no requests of one side where hardly any can be expected is
 * an idle service's; at 100 % without a baseline from the step before, there will never be one, and a human decides.
 */
function whyBlind(policy: StepPolicy, judgement: Judgement, reading: Reading): 'blind' | 'idle' | 'inconclusive' | 'judging' {
  const reasons = judgement.gates.filter((gate) => gate.decisive && gate.verdict === 'blind').map((gate) => gate.reason);
  const sample = requestsIn(reading);
  if (sample === undefined || sample.ageMs > policy.staleMs) return 'blind';
  if (!reasons.every((reason) => reason === 'no-baseline' || reason === 'no-canary')) return 'blind';
  const { stable, candidate } = sample.value;
  if (policy.weightBp >= EVERYBODY) {
    if (candidate === 0) return 'blind';
    return judgement.soakedMs >= policy.soakMs ? 'inconclusive' : 'judging';
  }
  const expected = (weight: number): number => ((stable + candidate) * weight) / EVERYBODY;
  const quiet = Math.min(expected(policy.weightBp), expected(EVERYBODY - policy.weightBp)) < FEW;
  return quiet ? 'idle' : 'blind';
}

/**
 * A healthy source says that nobody asks (A24): no requests to stable (below 100 %), and so few to the candidate that stable's
 * share of them may well be none. Stable silent while the candidate is busy is no idle service but a broken measurement.
 */
function isIdle(policy: StepPolicy, reading: Reading): boolean {
  const sample = requestsIn(reading);
  if (sample === undefined || sample.ageMs > policy.staleMs || sample.elapsedMs < Math.min(SILENCE_MS, policy.soakMs))
    return false;
  const { stable, candidate } = sample.value;
  if (policy.weightBp >= EVERYBODY) return candidate === 0;
  return stable === 0 && (candidate * (EVERYBODY - policy.weightBp)) / Math.max(1, policy.weightBp) < FEW;
}

function requestsIn({ errors, latency }: Reading): Sample<{ readonly stable: number; readonly candidate: number }> | undefined {
  if (errors !== undefined)
    return { ...errors, value: { stable: errors.value.stable.requests, candidate: errors.value.candidate.requests } };
  if (latency === undefined) return undefined;
  const { stable, candidate } = latency.value.counts;
  return { ...latency, value: { stable: sum(stable), candidate: sum(candidate) } };
}

const sum = (counts: readonly number[]): number => counts.reduce((total, count) => total + count, 0);

/** A condition and the ticks in a row that it has held. */
export interface Streak {
  readonly condition: Condition['kind'];
  readonly ticks: number;
}

export function extend(streak: Streak, condition: Condition['kind']): Streak {
  return condition === streak.condition ? { condition, ticks: streak.ticks + 1 } : { condition, ticks: 1 };
}
