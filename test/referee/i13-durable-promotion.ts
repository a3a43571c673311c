import { actsOf, finalisations, powerfulRaises, type Act, type ActOf } from './acts.js';
import {
  CLOCK_LAG_MS,
  describeLine,
  firstOfMany,
  isDisturbed,
  pidsUntil,
  unpinnedLines,
  type Circumstances,
  type Finding,
  type Rule,
} from './evidence.js';

/**
 * I13 "Promotion is durable: after `finalise` a restart of router, worker or Temporal leaves everybody on the new revision
 * (A25)."
 *
 * Judged on the HAProxy processes that appear after the finalise: they know only what the map files say. What the processes
 * that were there already do is R15's matter. If the test says that it disturbed the proxy afterwards, there must be something
 * to judge.
 */
export const durablePromotion: Rule = (evidence, circumstances) => {
  const acts = actsOf(evidence, circumstances);
  const finalised = finalisations(acts).at(-1);
  if (finalised === undefined) return [];
  const until = endOfReign(finalised, acts);
  const known = pidsUntil(evidence, finalised.answeredAt);
  const isLater = (seen: { readonly at: number; readonly pid: number }): boolean =>
    seen.at > finalised.answeredAt && seen.at < until && !known.has(seen.pid);
  const lines = unpinnedLines(evidence, circumstances).filter(isLater);
  const snapshots = evidence.snapshots.filter((snapshot) => snapshot.service === circumstances.service).filter(isLater);
  const strayed = lines.filter((line) => line.slot !== finalised.slot);
  const forgot = snapshots.find((snapshot) => snapshot.stable !== finalised.slot);
  return [
    ...firstOfMany(
      'I13',
      strayed,
      (line) => `after ${finalised.slot} was finalised and HAProxy started anew, a user went elsewhere: ${describeLine(line)}`,
    ),
    ...(forgot === undefined
      ? []
      : [finding(`after ${finalised.slot} was finalised and HAProxy started anew, it calls ${forgot.stable} stable`, forgot.at)]),
    ...vacuous(finalised, until, lines.length > 0, circumstances),
  ];
};

/** Until another ramp may send users elsewhere. */
function endOfReign(finalised: ActOf<'stable'>, acts: readonly Act[]): number {
  const next = powerfulRaises(acts).filter((act) => act.order > finalised.order);
  return Math.min(Infinity, ...next.map((act) => act.forwardedAt)) - CLOCK_LAG_MS;
}

function vacuous(finalised: ActOf<'stable'>, until: number, hasLines: boolean, circumstances: Circumstances): Finding[] {
  const later = (circumstances.disturbances ?? []).filter((disturbance) => disturbance.from > finalised.answeredAt);
  const isTested = isDisturbed({ ...circumstances, disturbances: later }, ['proxy', 'reload'], {
    from: finalised.answeredAt,
    to: until,
  });
  if (!isTested || hasLines) return [];
  return [finding('HAProxy was disturbed after the finalise, but no user request came to its new process: nothing was tested')];
}

function finding(what: string, at?: number): Finding {
  return at === undefined ? { rule: 'I13', what } : { rule: 'I13', what, at };
}
