import { isKind, actsOf, rampsOf, type Act, type ActOf } from './acts.js';
import { isDisturbed, type Circumstances, type Evidence, type Finding, type Rule } from './evidence.js';
import { messages } from './reported.js';

/**
 * I1 "The weight only ever takes plan values or 0; it rises one step at a time (unless a human skips)".
 *
 * Judged by sequence and not by time, because a late write of an old sequence is I7's matter. Within a ramp a fall is
 * always to 0, and for good: whoever begins again begins a new ramp. A human's `promote` may jump to 100 %, and after a
 * disturbance a new ramp of the same release may begin at the step that the last one had reached (design, "What follows a
 * rollback").
 */
export const ladder: Rule = (evidence, circumstances) => {
  const acts = actsOf(evidence, circumstances);
  return rampsOf(acts).flatMap((ramp) => {
    const [first, ...others] = laddersOf(ramp, circumstances).map((steps) => climb(ramp, steps, acts, evidence, circumstances));
    return others.some((findings) => findings.length === 0) ? [] : (first ?? []);
  });
};

function climb(
  ramp: string,
  steps: readonly number[],
  acts: readonly Act[],
  evidence: Evidence,
  circumstances: Circumstances,
): Finding[] {
  const findings: Finding[] = [];
  let reached = -1;
  let hasFallen = false;
  for (const write of bySequence(ramp, acts)) {
    const found = (what: string): void => void findings.push({ rule: 'I1', at: write.at, what: `${write.value}: ${what}` });
    const step = steps.indexOf(write.bp);
    if (write.bp === 0) hasFallen ||= reached >= 0;
    else if (step < 0) found(`${String(write.bp)} is neither 0 nor a step of ${steps.join(', ')}`);
    else if (hasFallen) found('the ramp rose again after it had fallen to 0');
    else if (step < reached) found(`the weight fell from ${String(steps[reached])} to a lower step instead of to 0`);
    else if (step > reached + 1 && !mayJump(write, reached, steps, acts, evidence, circumstances)) {
      found(
        `the weight rose from ${String(steps[reached] ?? 0)} to ${String(write.bp)}, past ${steps.slice(reached + 1, step).join(', ')}`,
      );
    }
    reached = Math.max(reached, step);
  }
  return findings;
}

/** A retried write has the same sequence and counts once. */
function bySequence(ramp: string, acts: readonly Act[]): ActOf<'route'>[] {
  const writes = new Map<number, ActOf<'route'>>();
  for (const act of acts.filter(isKind('route'))) {
    if (act.ramp === ramp && !writes.has(act.sequence)) writes.set(act.sequence, act);
  }
  return [...writes.values()].sort((one, other) => one.sequence - other.sequence);
}

function mayJump(
  write: ActOf<'route'>,
  reached: number,
  steps: readonly number[],
  acts: readonly Act[],
  evidence: Evidence,
  circumstances: Circumstances,
): boolean {
  // Temporal and the recorder have clocks of the same machine; a second covers what they round.
  const isPromoted = evidence.rollouts.some((chain) => messages(chain, 'promote').some((at) => at <= write.at + 1_000));
  if (write.bp === 10_000 && isPromoted) return true;
  if (reached >= 0) return false;
  return acts.filter(isKind('route')).some((earlier) => {
    const isSameRelease = earlier.ramp !== write.ramp && releaseOf(earlier.ramp) === releaseOf(write.ramp);
    const hadReached = earlier.order < write.order && steps.indexOf(earlier.bp) >= steps.indexOf(write.bp);
    return (
      isSameRelease &&
      hadReached &&
      isDisturbed(circumstances, ['proxy', 'reload', 'worker', 'temporal'], { from: earlier.at, to: write.at })
    );
  });
}

/** The ramp climbs one of these: a release may have been rolled out step by step, and brought back later by `sluice rollback`. */
function laddersOf(ramp: string, circumstances: Circumstances): readonly (readonly number[])[] {
  const others = circumstances.otherLadders?.filter(({ release }) => release === releaseOf(ramp)) ?? [];
  return [circumstances.stepsBp, ...others.map(({ stepsBp }) => stepsBp)];
}

function releaseOf(ramp: string): string {
  return ramp.split('~')[0] ?? ramp;
}
