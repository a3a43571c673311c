import { actsOf, powerfulRaises, rampsOf } from './acts.js';
import type { Finding, Rule } from './evidence.js';
import { messages } from './reported.js';

/**
 * A22: no step is left before its soak. The judge measures by the sources' clocks; no span that they see can be longer than
 * the time between the two writes at the proxy. A human's `skip` or `promote` may cut a soak short; a crash may not.
 */
export const soak: Rule = (evidence, circumstances) => {
  const { soakMs } = circumstances;
  if (soakMs === undefined) return [];
  const acts = actsOf(evidence, circumstances);
  const words = evidence.rollouts.flatMap((chain) => [...messages(chain, 'skip'), ...messages(chain, 'promote')]);
  return rampsOf(acts).flatMap((ramp) => {
    // A write that was stalled is repeated, and the first that came through counts.
    const steps = new Map<number, number>();
    for (const act of powerfulRaises(acts).filter((raise) => raise.ramp === ramp && raise.accepted))
      steps.set(act.bp, Math.min(act.forwardedAt, steps.get(act.bp) ?? Infinity));
    const writes = [...steps].sort(([one], [other]) => one - other);
    return writes.slice(1).flatMap(([bp, at], index): Finding[] => {
      const [before = 0, since = 0] = writes[index] ?? [];
      if (at - since >= soakMs || words.some((word) => word >= since && word <= at)) return [];
      const what = `ramp ${ramp} left ${String(before)} for ${String(bp)} after ${String(at - since)} ms, but the soak is ${String(soakMs)} ms`;
      return [{ rule: 'A22', at, what }];
    });
  });
};
