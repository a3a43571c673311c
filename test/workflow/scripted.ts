/** Activities whose answers a test scripts, on a real Temporal server: what is tested here is the interpreter, not the world. */
import { Context } from '@temporalio/activity';
import { CancelledFailure } from '@temporalio/common';
import type { RolloutActivities, Where } from '../../src/contract/activities.js';
import type { MessageBody } from '../../src/contract/rollout.js';
import type { Supervise, SuperviseResult } from '../../src/domain/effects.js';
import type { MessageKind } from '../../src/domain/messages.js';
import { GROUND, judged } from '../domain/world.js';
import { until } from '../harness/until.js';

export type ActivityName = keyof RolloutActivities;
type Supervision = SuperviseResult | 'until-cancelled';
export type ScriptedSupervision = (supervise: Supervise) => Supervision | Promise<Supervision>;

export interface Script {
  /** Asked at each start of superviseRamp. The default passes where a pass is wanted and otherwise waits. */
  readonly supervise?: ScriptedSupervision;
  readonly activities?: Partial<RolloutActivities>;
  /** Runs before an activity answers: to hold it, to let it fail, or to have something happen in that instant. `start` counts from 1, retries included. */
  readonly before?: (name: ActivityName, start: number) => unknown;
}

/** What a script and the people around it know of each other. */
export interface Play {
  /** Names in the order of their starts, retries included. */
  readonly started: readonly ActivityName[];
  /** Returns once the activity has been started so many times. */
  readonly reached: (name: ActivityName, times?: number) => Promise<void>;
  /** Lets everything go on that waits for `opened`. */
  readonly open: () => void;
  readonly opened: Promise<void>;
  /** Sends a Signal to the rollout from within one of its activities. */
  readonly signal: Signal;
}

export type Signal = (kind: MessageKind, body?: MessageBody) => Promise<void>;

export interface Scripted extends Play {
  readonly activities: RolloutActivities;
  /** Rollouts that a supervision has been started for. */
  readonly supervised: ReadonlySet<string>;
}

const BASE = { evidence: 1, cursors: { prom: 1 }, condition: 'judging' } as const;

export const passed: SuperviseResult = { ...BASE, kind: 'passed', judgement: judged('pass', 5_000) };
export const failed: SuperviseResult = { ...BASE, kind: 'failed', judgement: judged('fail', 1_000) };

const unheard: Signal = () => Promise.reject(new Error('nobody listens: this script belongs to no rollout'));

export function scripted(written: Script | ((play: Play) => Script) = {}, signal: Signal = unheard): Scripted {
  const started: ActivityName[] = [];
  const supervised = new Set<string>();
  const play = { started, ...gate(), reached: reaching(started), signal };
  const script = typeof written === 'function' ? written(play) : written;
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
      const answer = (await script.supervise?.(supervise)) ?? (supervise.returnOnPass ? passed : 'until-cancelled');
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
  return { ...play, activities: recording(activities, started, script.before), supervised };
}

/** A promise, and what keeps it. */
export function gate(): Pick<Play, 'open' | 'opened'> {
  let open: () => void = () => undefined;
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return {
    opened,
    open: () => {
      open();
    },
  };
}

const startsOf = (started: readonly ActivityName[], name: ActivityName): number =>
  started.filter((known) => known === name).length;

const reaching =
  (started: readonly ActivityName[]): Play['reached'] =>
  async (name, times = 1) => {
    await until(() => startsOf(started, name) >= times, { withinMs: 60_000, what: `start ${times} of ${name}` });
  };

/** What superviseRamp does when the workflow interrupts it: it gives its evidence back. */
async function untilCancelled(): Promise<SuperviseResult> {
  await interrupted();
  return { ...BASE, kind: 'interrupted', judgement: judged('pass', 5_000) };
}

/** Waits as an activity does that listens: until the workflow interrupts it, or the other thing happens (a promise, or so many milliseconds). */
export async function interrupted(or: Promise<unknown> | number = Infinity): Promise<'interrupted' | 'over'> {
  const context = Context.current();
  const other = typeof or !== 'number' ? [or] : or === Infinity ? [] : [context.sleep(or)];
  try {
    await heartbeating(Promise.race([context.cancelled, ...other]));
    return 'over';
  } catch (error) {
    if (error instanceof CancelledFailure) return 'interrupted';
    throw error;
  }
}

/** Waits as an activity does that lives and is deaf to cancellation. */
export async function heartbeating<T>(wait: Promise<T>): Promise<T> {
  const context = Context.current();
  const beat = setInterval(() => {
    context.heartbeat();
  }, 50);
  try {
    return await wait;
  } finally {
    clearInterval(beat);
  }
}

function recording(activities: RolloutActivities, started: ActivityName[], before: Script['before']): RolloutActivities {
  return mapActivities(activities, (name, run) => async (input: never) => {
    started.push(name);
    await before?.(name, startsOf(started, name));
    return run(input);
  });
}

/** Every activity says whose traffic it is about: that rollout's script answers. */
export function dispatching(scripts: ReadonlyMap<string, RolloutActivities>): RolloutActivities {
  return mapActivities(scripted().activities, (name) => (input: { readonly where: Where }) => {
    const { service } = input.where.target;
    const script = scripts.get(service);
    if (script === undefined) throw new Error(`no script for ${service}; known: ${[...scripts.keys()].join(', ')}`);
    return (script[name] as (given: never) => unknown)(input as never);
  });
}

function mapActivities(
  activities: RolloutActivities,
  change: (name: ActivityName, run: (input: never) => unknown) => unknown,
): RolloutActivities {
  const entries = (Object.entries(activities) as [ActivityName, (input: never) => unknown][]).map(([name, run]) => [
    name,
    change(name, run),
  ]);
  return Object.fromEntries(entries) as RolloutActivities;
}
