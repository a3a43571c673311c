import type { RolloutActivities } from '../contract/activities.js';
import type { Tools } from './dependencies.js';
import { execution, spentBefore } from './execution.js';
import { parseObject } from './json.js';
import { askPinned, describeAnswer, type PinnedAnswer } from './pinned-request.js';
import { pause, persistently } from './waiting.js';

/** The warm path's dependencies (R13). */
const CHECKS = ['cache', 'model', 'secrets', 'vectors'] as const;
const EVERY_MS = 1_000;
const DEADLINE_MS = 5_000;

/**
 * Asks the candidate's warm path until all four checks have been "ok" for `holdMs` in a row (X1: ready must hold), at most
 * `timeoutMs` over all attempts. Nobody is on the candidate yet, so there is no lease to renew.
 */
export function warmUp(tools: Tools): RolloutActivities['warmUp'] {
  return async ({ where, candidate, warmUp: plan }) => {
    const { path, holdMs, timeoutMs } = plan;
    if (path === undefined) return { kind: 'done' };
    const run = execution();
    const recipe = await persistently(tools.clock, run, () =>
      tools.ports.router(where.connections.router).probe(where.target, candidate),
    );
    const begun = tools.clock.monotonicMs();
    const spentMs = spentBefore(run);
    let readySince: number | undefined;
    let failing: readonly string[] = ['not asked yet'];
    for (;;) {
      failing = failingIn(await askPinned(tools, recipe, path, { deadlineMs: DEADLINE_MS, signal: run.signal }));
      const now = tools.clock.monotonicMs();
      readySince = failing.length === 0 ? (readySince ?? now) : undefined;
      if (readySince !== undefined && now - readySince >= holdMs) return { kind: 'done' };
      const elapsedMs = spentMs + (now - begun);
      if (elapsedMs >= timeoutMs)
        return { kind: 'not-warm', failing: failing.length > 0 ? failing : [`ready, but not for ${String(holdMs)} ms in a row`] };
      run.heartbeat({ elapsedMs, failing });
      await pause(tools.clock, Math.min(EVERY_MS, timeoutMs - elapsedMs), run.signal);
    }
  };
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
