import { actsOf, isKind, rampsOf, type ActOf } from './acts.js';
import type { Evidence, Finding, Rule } from './evidence.js';
import { judgements, messages } from './reported.js';

/**
 * I3 "No verdict other than pass advances." (And I1: "never without a pass on the step before".)
 *
 * Between the write of one step and that of the next, the history must hold a supervision that returned a pass, or a
 * human's `skip` or `promote`. Without a history there is nothing to judge by. `accept-on-probes` is excused where the test
 * says that the plan has it.
 */
export const onlyPassAdvances: Rule = (evidence, circumstances) => {
  if (evidence.rollouts.length === 0 || circumstances.acceptsOnProbes === true) return [];
  const acts = actsOf(evidence, circumstances);
  return rampsOf(acts).flatMap((ramp) => {
    const raised = acts.filter(isKind('route')).filter((act) => act.ramp === ramp && act.bp > 0);
    const steps = raised.filter((act, index) => act.bp > Math.max(0, ...raised.slice(0, index).map((earlier) => earlier.bp)));
    return steps.flatMap((act, index) => {
      const before = steps[index - 1];
      return before === undefined || mayFollow(before, act, evidence) ? [] : [finding(before, act)];
    });
  });
};

function mayFollow(before: ActOf<'route'>, after: ActOf<'route'>, evidence: Evidence): boolean {
  // Exactly: the pass that led to the step before came just ahead of that write, and must not count again.
  const isBetween = (at: number): boolean => at > before.at && at <= after.at;
  return evidence.rollouts.some((chain) => {
    const passes = judgements(chain).filter(({ verdict }) => verdict === 'pass');
    const words = [...messages(chain, 'skip'), ...messages(chain, 'promote')];
    return passes.some(({ at }) => isBetween(at)) || words.some(isBetween);
  });
}

function finding(before: ActOf<'route'>, after: ActOf<'route'>): Finding {
  return {
    rule: 'I3',
    at: after.at,
    what: `${after.value}: the weight rose from ${String(before.bp)} without a pass at that step`,
  };
}
