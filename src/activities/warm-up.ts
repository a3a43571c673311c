import type { RolloutActivities, Where } from '../contract/activities.js';
import type { WarmUpPlan } from '../domain/plan.js';
import type { Revision } from '../domain/words.js';
import type { Tools } from './dependencies.js';
import { execution, spentBefore } from './execution.js';
import { parseObject } from './json.js';
import { askPinned, describeAnswer, type PinnedAnswer } from './pinned-request.js';
import { LookingBack } from './look-back.js';
import { pause, persistently } from './waiting.js';

/** The warm path's dependencies (R13). */
const CHECKS = ['cache', 'model', 'secrets', 'vectors'] as const;
const EVERY_MS = 1_000;
const DEADLINE_MS = 5_000;

/**
 * Asks the candidate's warm path until all four checks have been "ok" for `holdMs` in a row (X1: ready must hold), at most
 * `timeoutMs` over all attempts, and meanwhile the sources about stable's past. Nobody is on the candidate yet, so there is no
 * lease to renew.
 */
export function warmUp(tools: Tools): RolloutActivities['warmUp'] {
  return async ({ where, candidate, warmUp: plan, lookBack }) => {
    const looking = lookBack && new LookingBack(tools, where, candidate, lookBack);
    try {
      const failing = await untilWarm(tools, where, candidate, plan);
      if (failing.length > 0) return { kind: 'not-warm', failing };
      return { kind: 'done', ...(looking && { learnt: await looking.enough() }) };
    } finally {
      looking?.stop();
    }
  };
}

/** What is still failing when the time is over; empty where it is warm. */
async function untilWarm(
  tools: Tools,
  where: Where,
  candidate: Revision,
  { path, holdMs, timeoutMs }: WarmUpPlan,
): Promise<readonly string[]> {
  if (path === undefined) return [];
  const run = execution();
  const recipe = await persistently(tools.clock, run, () =>
    tools.ports.router(where.connections.router).probe(where.target, candidate),
  );
  const begun = tools.clock.monotonicMs();
  const spentMs = spentBefore(run);
  let readySince: number | undefined;
  for (;;) {
    const failing = failingIn(await askPinned(tools, recipe, path, { deadlineMs: DEADLINE_MS, signal: run.signal }));
    const now = tools.clock.monotonicMs();
    readySince = failing.length === 0 ? (readySince ?? now) : undefined;
    if (readySince !== undefined && now - readySince >= holdMs) return [];
    const elapsedMs = spentMs + (now - begun);
    if (elapsedMs >= timeoutMs) return failing.length > 0 ? failing : [`ready, but not for ${String(holdMs)} ms in a row`];
    run.heartbeat({ elapsedMs, failing });
    await pause(tools.clock, Math.min(EVERY_MS, timeoutMs - elapsedMs), run.signal);
  }
}

function failingIn(answer: PinnedAnswer): readonly string[] {
  if (answer.kind !== 'answered') return [describeAnswer(answer)];
  const statuses = parseObject(answer.body);
  if (statuses === undefined)
    return [`${describeAnswer(answer)}, but not the JSON object {${CHECKS.map((check) => `"${check}":"ok"`).join(',')}}`];
  const failing = CHECKS.filter((check) => statuses[check] !== 'ok').map((check) => `${check}: ${describe(statuses[check])}`);
  return failing.length === 0 && answer.status !== 200 ? [describeAnswer(answer)] : failing;
}

const describe = (status: unknown): string =>
  typeof status === 'string' ? status.slice(0, 80) : status === undefined ? 'missing' : JSON.stringify(status).slice(0, 80);
