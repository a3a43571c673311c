import type { RolloutActivities } from '../contract/activities.js';
import { permanent } from '../providers/errors.js';
import type { Inflight } from '../providers/ports.js';
import type { Tools } from './dependencies.js';
import { execution, spentBefore, throwIfCancelled, type Execution } from './execution.js';
import { describeError } from './failures.js';
import { pause, within } from './waiting.js';

const EVERY_MS = 1_000;
const DEADLINE_MS = 5_000;

/**
 * The least wait (A12), then until nothing is open on the revision, at most to the ceiling. Nothing is ever closed (R16, I9).
 * Where the router cannot count, only the ceiling says that the streams had their time.
 */
export function waitForDrain(tools: Tools): RolloutActivities['waitForDrain'] {
  return async ({ where, of, minMs, ceilingMs }) => {
    const run = execution();
    const { clock } = tools;
    const router = tools.ports.router(where.connections.router);
    const begun = clock.monotonicMs();
    const spentMs = spentBefore(run);
    const elapsed = (): number => spentMs + (clock.monotonicMs() - begun);
    while (elapsed() < minMs) {
      run.heartbeat({ elapsedMs: elapsed() });
      await pause(clock, Math.min(EVERY_MS, minMs - elapsed()), run.signal);
    }
    let counted: Counted = { kind: 'unread', why: 'not asked yet' };
    for (;;) {
      counted = await count(tools, run, () => router.inflight(where.target, of), counted);
      if (counted.kind === 'active' && counted.active === 0) return { kind: 'drained', activeAtCeiling: 0 };
      if (elapsed() >= ceilingMs) return atCeiling(counted);
      run.heartbeat({ elapsedMs: elapsed(), counted });
      await pause(clock, Math.min(EVERY_MS, Math.max(1, ceilingMs - elapsed())), run.signal);
    }
  };
}

type Counted =
  | { readonly kind: 'active'; readonly active: number }
  | { readonly kind: 'uncountable' }
  | { readonly kind: 'unread'; readonly why: string };

/** A router that does not answer just now leaves the last count standing. */
async function count(tools: Tools, run: Execution, ask: () => Promise<Inflight>, last: Counted): Promise<Counted> {
  try {
    const { active } = await within(tools.clock, DEADLINE_MS, ask, run.signal);
    return active === undefined ? { kind: 'uncountable' } : { kind: 'active', active };
  } catch (error) {
    throwIfCancelled(run.signal);
    return last.kind === 'unread' ? { kind: 'unread', why: describeError(error) } : last;
  }
}

function atCeiling(counted: Counted): { readonly kind: 'drained'; readonly activeAtCeiling: number } {
  if (counted.kind === 'unread') throw permanent(`open streams could not be counted up to the drain's ceiling: ${counted.why}`);
  return { kind: 'drained', activeAtCeiling: counted.kind === 'active' ? counted.active : 0 };
}
