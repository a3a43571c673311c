import { actsOf, isKind } from './acts.js';
import { CLOCK_LAG_MS, describeLine, firstOfMany, unpinnedLines, type Rule } from './evidence.js';

/**
 * The lease: "how long the data plane believes the controller". With every worker dead, users are back on stable when it
 * ends, at the latest (design, "What it does that nobody else does together").
 *
 * A user who was routed by weight needs a lease that is live by the log's own word and by the last renewal that HAProxy
 * accepted for that ramp.
 */
export const lease: Rule = (evidence, circumstances) => {
  const leases = actsOf(evidence, circumstances)
    .filter(isKind('lease'))
    .filter((act) => act.accepted && act.worker === undefined);
  const onCandidate = unpinnedLines(evidence, circumstances).filter((line) => line.role === 'candidate');
  const unleased = onCandidate.filter((line) => {
    if (line.lease !== 'live') return true;
    const ramp = line.gen.slice(0, line.gen.lastIndexOf('.'));
    const granted = leases.filter((act) => act.ramp === ramp && act.forwardedAt <= line.at + CLOCK_LAG_MS);
    return line.at >= Math.max(0, ...granted.map((act) => act.until));
  });
  return firstOfMany('lease', unleased, (line) => `a user was on the candidate without a live lease: ${describeLine(line)}`);
};
