/** Activities whose answers a test scripts, on a real Temporal server: what is tested here is the interpreter, not the world. */
import { Context } from '@temporalio/activity';
import type { RolloutActivities } from '../../src/contract/activities.js';
import type { Supervise, SuperviseResult } from '../../src/domain/effects.js';
import { GROUND, judged } from '../domain/world.js';

export type ScriptedSupervision = (supervise: Supervise) => SuperviseResult | Promise<SuperviseResult> | 'until-cancelled';

export interface Script {
  /** Asked at each start of superviseRamp. The default passes where a pass is wanted and otherwise waits. */
  readonly supervise?: ScriptedSupervision;
  readonly activities?: Partial<RolloutActivities>;
  /** Lets a supervision go on that waits for what people do first. */
  readonly open?: () => void;
}

export interface Scripted {
  readonly script: Script;
  readonly activities: RolloutActivities;
  /** Rollouts that a supervision has been started for. */
  readonly supervised: ReadonlySet<string>;
  /** Names in the order of their starts. */
  readonly started: readonly string[];
}

const BASE = { evidence: 1, cursors: { prom: 1 }, condition: 'judging' } as const;

export const passed: SuperviseResult = { ...BASE, kind: 'passed', judgement: judged('pass', 5_000) };
export const failed: SuperviseResult = { ...BASE, kind: 'failed', judgement: judged('fail', 1_000) };

export function scripted(script: Script = {}): Scripted {
  const started: string[] = [];
  const supervised = new Set<string>();
  const done = { kind: 'done' } as const;
  const activities: RolloutActivities = {
    preflight: () => Promise.resolve({ kind: 'preflight', ground: GROUND }),
    openRamp: () => Promise.resolve(done),
    warmUp: () => Promise.resolve(done),
    probe: ({ probes }) =>
      Promise.resolve({ kind: 'probed', outcome: { judged: probes.count, serverErrors: 0, wrongRevision: 0, unanswered: 0 } }),
    ensureCapacity: () => Promise.resolve(done),
    shiftWeight: () => Promise.resolve(done),
    superviseRamp: async ({ supervise, where }) => {
      supervised.add(where.rollout);
      const answer = script.supervise?.(supervise) ?? (supervise.returnOnPass ? passed : 'until-cancelled');
      return answer === 'until-cancelled' ? untilCancelled() : answer;
    },
    revokeRamp: () => Promise.resolve(),
    rollBack: () => Promise.resolve(done),
    waitForDrain: () => Promise.resolve({ kind: 'drained', activeAtCeiling: 0 }),
    verify: () => Promise.resolve({ kind: 'verified', failures: [] }),
    finalise: () => Promise.resolve(done),
    verifyDrain: () => Promise.resolve({ kind: 'drain-verified', findings: [] }),
    releaseCapacity: () => Promise.resolve({ stillOpen: 0 }),
    controlQueues: () => Promise.resolve(),
    notify: () => Promise.resolve(),
    sweepOrphans: () => Promise.resolve([]),
    ...script.activities,
  };
  return { activities: recording(activities, started), started, supervised, script };
}

/** What superviseRamp does when the workflow interrupts it: it gives its evidence back. */
async function untilCancelled(): Promise<SuperviseResult> {
  const context = Context.current();
  const beat = setInterval(() => {
    context.heartbeat();
  }, 50);
  try {
    await context.cancelled.catch(() => undefined);
    return { ...BASE, kind: 'interrupted', judgement: judged('pass', 5_000) };
  } finally {
    clearInterval(beat);
  }
}

function recording(activities: RolloutActivities, started: string[]): RolloutActivities {
  const entries = Object.entries(activities).map(([name, run]) => [
    name,
    (input: never) => {
      started.push(name);
      return (run as (given: never) => unknown)(input);
    },
  ]);
  return Object.fromEntries(entries) as RolloutActivities;
}
