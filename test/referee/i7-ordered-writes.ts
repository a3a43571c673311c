import { actsOf, isKind, rampsOf, revocationOf, type Act, type ActOf } from './acts.js';
import type { Finding, Rule } from './evidence.js';

/**
 * I7 "Every route write is idempotent, whole-state, and carries its ramp and sequence. A write or renewal that arrives late,
 * from an attempt that timed out or a worker that stalled, can never bring users back: rollback and finalise *revoke* the
 * ramp first."
 *
 * So: every write names ramp and sequence; while a ramp has power its sequences never go back, and one sequence has one
 * value (a retry repeats it); the first fall to 0 comes after the answer to the revocation; and nobody raises a revoked
 * ramp anew. A late write of an older sequence on a revoked ramp is no finding: it is what the revocation is for.
 */
export const orderedWrites: Rule = (evidence, circumstances) => {
  const acts = actsOf(evidence, circumstances);
  return [...unreadable(acts), ...rampsOf(acts).flatMap((ramp) => [...ordered(ramp, acts), ...revokedFirst(ramp, acts)])];
};

function unreadable(acts: readonly Act[]): Finding[] {
  const strange = acts
    .filter(isKind('unreadable'))
    .map((act) => finding(act, `"${act.text}" is no whole route with ramp and sequence`));
  const misplaced = acts
    .filter(isKind('route'))
    .filter((act) => (act.keyRamp === undefined ? act.ramp !== 'none' : act.keyRamp !== act.ramp))
    .map((act) => finding(act, `the route ${act.value} was written under the key ${act.key}, not under its own ramp`));
  return [...strange, ...misplaced];
}

function ordered(ramp: string, acts: readonly Act[]): Finding[] {
  const revokedOrder = revocationOf(acts, ramp)?.answerOrder ?? Infinity;
  const writes = acts.filter(isKind('route')).filter((act) => act.ramp === ramp);
  const values = new Map<number, string>();
  let highest = -1;
  return writes.flatMap((write) => {
    const known = values.get(write.sequence);
    const before = highest;
    highest = Math.max(highest, write.sequence);
    values.set(write.sequence, known ?? write.value);
    if (known !== undefined && known !== write.value)
      return [finding(write, `sequence ${String(write.sequence)} of ramp ${ramp} was ${known} before`)];
    if (write.order < revokedOrder) {
      return write.sequence < before ? [finding(write, `the sequence went back from ${String(before)}`)] : [];
    }
    const isNewRaise =
      write.bp > 0 && write.sequence > before && !writes.some((later) => later.bp === 0 && later.sequence > write.sequence);
    return isNewRaise ? [finding(write, `the ramp was raised anew after it had been revoked`)] : [];
  });
}

function revokedFirst(ramp: string, acts: readonly Act[]): Finding[] {
  const writes = acts.filter(isKind('route')).filter((act) => act.ramp === ramp);
  const raised = writes.find((act) => act.bp > 0);
  const zero = raised && writes.find((act) => act.bp === 0 && act.order > raised.order);
  if (zero === undefined) return [];
  const revocation = revocationOf(acts, ramp);
  if (revocation !== undefined && revocation.answerOrder < zero.order) return [];
  return [
    finding(
      zero,
      `the weight was set to 0 ${revocation === undefined ? 'and the ramp never revoked' : 'before the ramp was revoked'}`,
    ),
  ];
}

function finding(act: ActOf<'route' | 'unreadable'>, what: string): Finding {
  return { rule: 'I7', at: act.at, what: act.kind === 'route' ? `${act.value}: ${what}` : what };
}
