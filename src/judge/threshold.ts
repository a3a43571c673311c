import { blindness, tooFew, type Finding, type Rules, type Seen } from './decide.js';

/**
 * The literal rule (mode `threshold`, judge.md §0): the plain difference over the soak so far against the tolerance, with
 * enough requests a side, so many ticks in a row. It rolls back 60–100 % of identical releases on one-minute windows
 * (judge.md 4.1), which `plan` says. `over` is undefined where nothing can be compared; a tick that brought no newer
 * sample does not count.
 */
export function literal(
  rules: Rules,
  seen: Seen,
  over: boolean | undefined,
  newer: boolean,
  streakBefore: number,
): { readonly streak: number; readonly finding: Finding } {
  const compared = over !== undefined && !tooFew(rules, seen);
  const streak = compared && over ? streakBefore + (newer ? 1 : 0) : 0;
  if (streak >= Math.max(1, rules.consecutive ?? 1)) return { streak, finding: { verdict: 'fail', reason: 'over-tolerance' } };
  const cannotSee = blindness(rules, seen);
  if (cannotSee) return { streak, finding: cannotSee };
  if (seen.elapsedMs < rules.soakMs) return { streak, finding: { verdict: 'inconclusive', reason: 'soaking' } };
  if (!compared) return { streak, finding: { verdict: 'inconclusive', reason: 'too-few-requests' } };
  return {
    streak,
    finding: over ? { verdict: 'inconclusive', reason: 'uncertain' } : { verdict: 'pass', reason: 'within-tolerance' },
  };
}
