import type { ProbeOutcome } from '../domain/effects.js';
import type { ProbePlan } from '../domain/plan.js';
import type { ProbeRecipe } from '../providers/ports.js';
import type { Tools } from './dependencies.js';
import type { Execution } from './execution.js';
import { askPinned, type PinnedAnswer } from './pinned-request.js';

/** Few at a time: twenty at once would measure a queue, and a cold candidate is not to be flooded. */
const AT_ONCE = 4;
/** Of one request; answers of a model take their time. */
const DEADLINE_MS = 10_000;
/** After requests that nobody answered. A proxy that restarts refuses connections at once, so that all would be asked in no time. */
const PAUSE_MS = 2_000;

/**
 * Judged pinned requests (judge.md §0: exactly `count` judged ones). An answer by somebody else and none at all are no data;
 * each is asked once more, up to as many as are wanted, and not before a pause where nobody answered at all, so that a router that
 * reloads or restarts does not end a rollout.
 */
export async function probeCandidate(
  tools: Tools,
  run: Execution,
  recipe: ProbeRecipe,
  probes: ProbePlan,
): Promise<ProbeOutcome> {
  let outcome: ProbeOutcome = { judged: 0, serverErrors: 0, wrongRevision: 0, unanswered: 0 };
  const asked = (): number => outcome.judged + outcome.wrongRevision + outcome.unanswered;
  const begun = tools.clock.monotonicMs();
  const hasTime = (): boolean => tools.clock.monotonicMs() - begun + DEADLINE_MS <= run.patienceMs;
  let isHeard = true;
  while (outcome.judged < probes.count && asked() < 2 * probes.count && hasTime()) {
    if (!isHeard) await tools.clock.sleep(PAUSE_MS, run.signal);
    const batch = Math.min(AT_ONCE, probes.count - outcome.judged, 2 * probes.count - asked());
    const ask = (): Promise<PinnedAnswer> =>
      askPinned(tools, recipe, probes.path, { deadlineMs: DEADLINE_MS, signal: run.signal });
    const answers = await Promise.all(Array.from({ length: batch }, ask));
    isHeard = answers.every(({ kind }) => kind !== 'unanswered');
    outcome = answers.reduce(count, outcome);
    run.heartbeat({ probes: outcome });
  }
  return outcome;
}

function count(outcome: ProbeOutcome, answer: PinnedAnswer): ProbeOutcome {
  switch (answer.kind) {
    case 'answered':
      return { ...outcome, judged: outcome.judged + 1, serverErrors: outcome.serverErrors + (answer.status >= 500 ? 1 : 0) };
    case 'wrong-revision':
      return { ...outcome, wrongRevision: outcome.wrongRevision + 1 };
    case 'unanswered':
      return { ...outcome, unanswered: outcome.unanswered + 1 };
  }
}
