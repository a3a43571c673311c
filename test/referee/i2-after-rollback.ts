import { actsOf, finalisations, powerfulRaises, raises, rampsOf, revocationOf, type Act, type ActOf } from './acts.js';
import { CLOCK_LAG_MS, describeLine, firstOfMany, unpinnedLines, type Rule } from './evidence.js';

/**
 * I2 "After a rollback no user request reaches the candidate until the next ramp."
 *
 * The rollback is the revocation, and it counts from HAProxy's answer to it, which the recorder saw. A request that was
 * routed before that answer is older than it by its own `at`, so nothing needs to be allowed for. The next ramp begins when its
 * first raising write is forwarded, and not at its answer.
 */
export const afterRollback: Rule = (evidence, circumstances) => {
  const acts = actsOf(evidence, circumstances);
  const lines = unpinnedLines(evidence, circumstances);
  return rampsOf(acts).flatMap((ramp) => {
    const revocation = revocationOf(acts, ramp);
    const slot = raises(acts).find((act) => act.ramp === ramp)?.slot;
    if (revocation === undefined || slot === undefined || isFinalised(acts, slot, revocation)) return [];
    const until = nextUseOf(slot, acts, ramp, revocation);
    const late = lines.filter((line) => line.slot === slot && line.at > revocation.answeredAt && line.at < until);
    return firstOfMany('I2', late, (line) => {
      const delayMs = line.at - revocation.answeredAt;
      return `a user reached the candidate ${String(delayMs)} ms after ramp ${ramp} was revoked: ${describeLine(line)}`;
    });
  });
};

/** A ramp that was finalised is revoked as well, and its candidate serves everybody: that is I13's and R15's matter. */
function isFinalised(acts: readonly Act[], slot: string, revocation: ActOf<'revoke'>): boolean {
  return (
    finalisations(acts)
      .filter((act) => act.order < revocation.answerOrder)
      .at(-1)?.slot === slot
  );
}

/** When users may come to the slot again: another ramp's raise, or the slot becoming stable. */
function nextUseOf(slot: string, acts: readonly Act[], ramp: string, revocation: ActOf<'revoke'>): number {
  const ramps = powerfulRaises(acts).filter((act) => act.ramp !== ramp);
  const uses = [...ramps, ...finalisations(acts)].filter((act) => act.slot === slot && act.order > revocation.answerOrder);
  return Math.min(Infinity, ...uses.map((act) => act.forwardedAt)) - CLOCK_LAG_MS;
}
