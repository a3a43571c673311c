import type { AccessLine } from '../harness/access-log.js';
import { actsOf, finalisations, isKind, powerfulRaises, type Act, type ActOf } from './acts.js';
import { CLOCK_LAG_MS, describeLine, firstOfMany, pidsUntil, unpinnedLines, type Finding, type Rule } from './evidence.js';

/**
 * R15 "After the last route change the old revision gets no new requests but keeps serving".
 *
 * Two last changes are judged. Once HAProxy has confirmed 100 %, no user is drawn to another slot while that route stands
 * (reconnecting streams, a candidate without live servers and a lapsed lease go to the old one by right, and their `why`
 * says so). Once it has confirmed the finalise, no user at all goes to the old slot from the HAProxy processes that were
 * there at the time; those that start later are I13's matter. That the old revision keeps serving what it has is R16.
 */
export const oldRevisionIsLeftAlone: Rule = (evidence, circumstances) => {
  const acts = actsOf(evidence, circumstances);
  const lines = unpinnedLines(evidence, circumstances);
  const full = powerfulRaises(acts).filter((act) => act.bp === 10_000 && act.accepted && act.worker === undefined);
  return [
    ...full.flatMap((act) => afterFullWeight(act, acts, lines)),
    ...finalisations(acts).flatMap((act) => afterFinalise(act, acts, lines, pidsUntil(evidence, act.answeredAt))),
  ];
};

function afterFullWeight(full: ActOf<'route'>, acts: readonly Act[], lines: readonly AccessLine[]): Finding[] {
  const until = nextForward(acts.filter((act) => act.order > full.order && changesRoute(act, full)));
  const drawn = lines.filter((line) => {
    const isDrawn = line.why === 'bucket' || line.why === 'draw';
    return isDrawn && line.slot !== full.slot && line.at > full.answeredAt && line.at < until;
  });
  return firstOfMany('R15', drawn, (line) => `a user was drawn to the old revision at 100 %: ${describeLine(line)}`);
}

function afterFinalise(
  finalised: ActOf<'stable'>,
  acts: readonly Act[],
  lines: readonly AccessLine[],
  knownPids: ReadonlySet<number>,
): Finding[] {
  const later = [...powerfulRaises(acts), ...finalisations(acts)].filter(
    (act) => act.order > finalised.order && act.slot !== finalised.slot,
  );
  const until = nextForward(later);
  const late = lines.filter((line) => {
    const isOnOld = line.slot !== finalised.slot && knownPids.has(line.pid);
    return isOnOld && line.at > toldAt(line.pid, finalised, acts) && line.at < until;
  });
  return firstOfMany(
    'R15',
    late,
    (line) => `a user reached the old revision after ${finalised.slot} was finalised: ${describeLine(line)}`,
  );
}

/** A worker of an earlier load is told by itself, through the master, and a moment later. */
function toldAt(pid: number, finalised: ActOf<'stable'>, acts: readonly Act[]): number {
  const own = acts
    .filter(isKind('stable'))
    .find(
      (act) => act.worker === `!${String(pid)}` && act.slot === finalised.slot && act.accepted && act.order > finalised.order,
    );
  return own?.answeredAt ?? finalised.answeredAt;
}

/** From the moment it is sent, it is open which route decides. A repeated write of the same route changes nothing. */
function changesRoute(act: Act, full: ActOf<'route'>): boolean {
  if (act.kind === 'route') return act.value !== full.value;
  return act.kind === 'fence' || act.kind === 'stable' || (act.kind === 'revoke' && act.ramp === full.ramp);
}

function nextForward(acts: readonly Act[]): number {
  return Math.min(Infinity, ...acts.map((act) => act.forwardedAt)) - CLOCK_LAG_MS;
}
