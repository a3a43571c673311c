import type { StatusOutcome } from '../../client/index.js';
import { percent } from '../../domain/telling.js';
import { bar } from './bar.js';
import { inWords, stopwatch } from './durations.js';
import type { View } from './view.js';

type Open = Extract<StatusOutcome, { kind: 'open' }>;

/** `answer-api production  9f3c1e → green   step 3/5  25 %  ███░░░░░░░   soak 06:12/10:00   lease 28 s`. */
export function header(open: Open, view: View): string {
  const { service, environment, release, revision, step, steps, weightBp, rehearsal, stickyBy = 'user' } = open.status;
  const lease = leaseLeftMs(open, view);
  return [
    `${view.paint('bold', `${service} ${environment}`)}  ${release} → ${revision}`,
    `step ${step}/${steps}  ${percent(weightBp)}  ${bar(weightBp)}`,
    progress(open, view),
    ...(lease === undefined ? [] : [`lease ${inWords(lease)}`]),
    ...(stickyBy === 'user' ? [] : [`told apart by ${stickyBy}`]),
    ...(rehearsal ? ['rehearsal'] : []),
  ].join('   ');
}

/** How far the soak has come, by the clocks of the metric sources; other phases by their name. */
function progress(open: Open, { plan }: View): string {
  const { phase, step, blockers } = open.status;
  if (phase !== 'soaking' && phase !== 'baking') return phase;
  const soaking = blockers.find((blocker) => blocker.kind === 'soaking');
  const soakMs = plan?.steps[step - 1]?.soakMs ?? soaking?.soakMs;
  const soakedMs = judgementOf(open)?.soakedMs ?? soaking?.soakedMs ?? 0;
  return `${phase === 'baking' ? 'bake' : 'soak'} ${stopwatch(soakedMs)}${soakMs === undefined ? '' : `/${stopwatch(soakMs)}`}`;
}

/** The last tick if it is known, else what the last bucket brought back. */
export function judgementOf({ live, status }: Open): Open['status']['judgement'] {
  return live.judgement ?? status.judgement;
}

/** Until users return to stable if nobody renews any more. Undefined while nobody is on the candidate, or nobody has renewed yet. */
function leaseLeftMs({ live, status }: Open, { plan, now }: View): number | undefined {
  if (status.weightBp === 0 || plan === undefined || live.heartbeatAt === undefined) return undefined;
  return Math.min(plan.leaseMs, Math.max(0, plan.leaseMs - (now - live.heartbeatAt)));
}
