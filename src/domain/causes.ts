/** Results that end a ramp, as causes. */
import type { EffectResult } from './effects.js';
import type { Cause } from './rollback.js';
import type { Turn } from './telling.js';

export const broken = (result: EffectResult): Cause => ({
  kind: 'broken',
  text:
    result.kind === 'failed'
      ? result.error
      : result.kind === 'superseded'
        ? `the route was taken over by ${result.by}`
        : `unexpected result "${result.kind}"`,
});

/** Three 5xx among twenty end the rollout; an answer by somebody else is no data, and no data is no pass (I3). */
export function probeFailure({ plan }: Turn, result: EffectResult): Cause | undefined {
  if (result.kind !== 'probed') return broken(result);
  const { judged, serverErrors, wrongRevision, unanswered } = result.outcome;
  if (serverErrors >= plan.probes.maxFailures)
    return { kind: 'probes-failed', text: `${serverErrors} of ${judged} pinned probes were answered 5xx` };
  if (judged < plan.probes.count)
    return {
      kind: 'probes-failed',
      text: `only ${judged} of ${plan.probes.count} pinned probes were answered by the candidate (${wrongRevision} by somebody else, ${unanswered} not at all)`,
    };
  return undefined;
}
