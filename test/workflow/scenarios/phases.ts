/**
 * Every phase, and what may happen to it: an abort, and another while the first is obeyed; messages that nobody can read, an
 * abort among them; continue-as-new in its middle.
 */
import assert from 'node:assert/strict';
import type { RolloutPlan } from '../../../src/domain/plan.js';
import type { Phase } from '../../../src/domain/state.js';
import type { Bench, Rollout } from '../bench.js';
import { interrupted, type ActivityName, type Play, type Script } from '../scripted.js';
import { inPhase, seen, sendRaw, tell, UNDECODABLE } from './messages.js';
import type { Scenario } from './scenario.js';
import { failing, holding, holdingUntilOpened, SCHEMA_DIFFERENCE, SHORT } from './scripts.js';

interface Place {
  /** Completes "abort-…", "undecodable-…" and "continued-…". */
  readonly name: string;
  readonly phase: Phase['kind'];
  /** The activity that is under way there, and which of its starts; absent where a supervision or nobody works. */
  readonly during?: readonly [ActivityName, number];
  /** What leads there. */
  readonly script?: Script | (() => Script);
  readonly plan?: Partial<RolloutPlan>;
  /** What an abort leads to; `recorded`: it is too late, `ending`: the rollout is rolled back already. */
  readonly abort: 'closes' | 'rolls-back' | 'ends-the-hold' | 'is-recorded' | 'is-ending';
}

const schemaHeld: NonNullable<Script['activities']> = {
  probe: () => Promise.resolve({ kind: 'schema-mismatch', difference: SCHEMA_DIFFERENCE }),
};
const LONG_COOL_OFF = { retry: { max: 1, coolOffMs: 3_600_000, total: 4 } };

const PLACES: readonly Place[] = [
  { name: 'in-the-preflight', phase: 'preflight', during: ['preflight', 1], abort: 'closes' },
  { name: 'while-opening', phase: 'opening', during: ['openRamp', 1], abort: 'rolls-back' },
  { name: 'while-capacity-is-made', phase: 'warming', during: ['ensureCapacity', 1], abort: 'rolls-back' },
  { name: 'while-warming', phase: 'warming', during: ['warmUp', 1], abort: 'rolls-back' },
  { name: 'while-probing', phase: 'probing', during: ['probe', 1], abort: 'rolls-back' },
  { name: 'while-raising', phase: 'raising', during: ['ensureCapacity', 3], abort: 'rolls-back' },
  { name: 'while-shifting', phase: 'shifting', during: ['shiftWeight', 2], abort: 'rolls-back' },
  { name: 'while-soaking', phase: 'soaking', script: holding(0), abort: 'rolls-back' },
  { name: 'while-baking', phase: 'baking', script: holding(1), abort: 'rolls-back' },
  { name: 'while-verifying', phase: 'verifying', during: ['verify', 1], abort: 'rolls-back' },
  { name: 'while-finalising', phase: 'finalising', during: ['finalise', 1], abort: 'rolls-back' },
  { name: 'while-draining-the-old-revision', phase: 'draining', during: ['waitForDrain', 1], abort: 'is-recorded' },
  {
    name: 'while-draining-the-candidate',
    phase: 'draining',
    during: ['waitForDrain', 1],
    script: failing(1, 1),
    abort: 'is-ending',
  },
  { name: 'while-held-for-a-schema', phase: 'schema-held', script: { activities: schemaHeld }, abort: 'ends-the-hold' },
  { name: 'while-cooling-off', phase: 'cooling-off', script: failing(0, 1), plan: LONG_COOL_OFF, abort: 'ends-the-hold' },
  { name: 'while-frozen', phase: 'frozen', script: failing(0, 2), abort: 'ends-the-hold' },
  { name: 'while-rolling-back', phase: 'rolling-back', during: ['rollBack', 1], script: failing(0, 1), abort: 'rolls-back' },
];

const scriptOf = ({ script }: Place): Script => (typeof script === 'function' ? script() : (script ?? {}));

/** What comes after the abort is held as well, so that a second message meets it; nothing here can be interrupted (I5). */
const AFTER: Readonly<Record<Place['abort'], ActivityName | undefined>> = {
  closes: undefined,
  'rolls-back': 'rollBack',
  'ends-the-hold': 'waitForDrain',
  'is-recorded': undefined,
  'is-ending': undefined,
};

const heldAt =
  (place: Place) =>
  ({ opened }: Play): Script => {
    const [during, from] = place.during ?? [];
    return {
      ...scriptOf(place),
      before: (name, start) => ((name === during && start >= (from ?? 1)) || name === AFTER[place.abort] ? opened : undefined),
    };
  };

const arrived = async (rollout: Rollout, { phase, during }: Place): Promise<void> => {
  if (during === undefined) await inPhase(rollout, phase);
  else {
    await rollout.scripted.reached(...during);
    await inPhase(rollout, phase);
  }
};

/** The abort is obeyed although what was under way has not ended. */
const obeyed = async (rollout: Rollout, { abort }: Place): Promise<void> => {
  const after = AFTER[abort];
  if (after !== undefined) await rollout.scripted.reached(after);
};

type Expected = Pick<Scenario, 'outcome' | 'cause' | 'timeline' | 'activities'>;

function ending({ abort, phase }: Place, by: string, before: readonly RegExp[]): Expected {
  const aborted = new RegExp(`^aborted by ${by}`);
  switch (abort) {
    case 'closes':
      return {
        outcome: 'rolled-back',
        cause: new RegExp(`^aborted by ${by} before anything was changed$`),
        timeline: [...before, /^abort/, /^abort: the rollout has ended: rolled-back/],
        activities: { openRamp: 0, rollBack: 0 },
      };
    case 'rolls-back':
      return {
        outcome: 'rolled-back',
        cause: phase === 'rolling-back' ? /^aborted by / : /^aborted by ann: again$/,
        timeline: [/^started$/, ...before, /^rollback: |^abort/, /^abort/, /^users are safe/],
        activities: { rollBack: 1, finalise: phase === 'finalising' ? 1 : 0 },
      };
    case 'ends-the-hold':
      return {
        outcome: 'rolled-back',
        cause: aborted,
        timeline: [/^users are safe/, ...before, /^abort/, /^abort: everybody is on stable already; the rollout is ending/],
        activities: { waitForDrain: 1, releaseCapacity: 1, finalise: 0 },
      };
    case 'is-recorded':
      return {
        outcome: 'promoted',
        timeline: [...before, /^abort: recorded; the promotion is durable already/, /^abort: recorded/, /^promoted: /],
        activities: { rollBack: 0, finalise: 1 },
      };
    case 'is-ending':
      return {
        outcome: 'rolled-back',
        cause: /^errors fail$/,
        timeline: [/^users are safe/, ...before, /^abort: everybody is on stable already/, /^abort: everybody/, /^rolled-back: /],
        activities: { rollBack: 1, finalise: 0 },
      };
  }
}

const again = (rollout: Rollout): Promise<void> => tell(rollout, 'abort', { by: 'ann', reason: 'again' });

const aborted = (place: Place): Scenario => ({
  name: `abort-${place.name}`,
  ...ending(place, 'ann', []),
  plan: { ...SHORT, ...place.plan },
  script: heldAt(place),
  drive: async (rollout) => {
    await arrived(rollout, place);
    await rollout.handle.signal('abort', { by: 'ann', reason: 'first' });
    await obeyed(rollout, place);
    await again(rollout);
    rollout.scripted.open();
  },
});

const UNREADABLE = [/^undecodable message "pause": /, /^undecodable message "approve": /, /^undecodable message "shrug": /];

const undecodable = (place: Place): Scenario => ({
  name: `undecodable-${place.name}`,
  ...ending(place, 'unknown sender', [...UNREADABLE, /^undecodable message "abort": /]),
  plan: { ...SHORT, ...place.plan },
  script: heldAt(place),
  drive: async (rollout, bench) => {
    await arrived(rollout, place);
    await sendRaw(bench, rollout, 'pause', UNDECODABLE.brokenBytes);
    await sendRaw(bench, rollout, 'approve', UNDECODABLE.foreignEncoding);
    await sendRaw(bench, rollout, 'shrug', UNDECODABLE.noEncoding);
    const { phase } = await seen(rollout, 'a line for each', ({ timeline }) =>
      UNREADABLE.every((line) => timeline.some(({ what }) => line.test(what))),
    );
    assert.equal(phase, place.phase, 'the workflow lives where it was');
    await sendRaw(bench, rollout, 'abort', UNDECODABLE.scalar);
    await obeyed(rollout, place);
    await again(rollout);
    rollout.scripted.open();
  },
});

/** Long enough for a run to come some way, short enough that a few messages end it; each run carries the whole state. */
const EVENTS_A_RUN = 60;
const EVENTS_A_RUN_WITH_SEVERAL_RAMPS = 90;
const NEVER_CONTINUED: readonly Phase['kind'][] = ['rolling-back', 'finalising'];

const runOf = async ({ client }: Bench, { handle }: Rollout): Promise<string> =>
  (await client.workflow.getHandle(handle.workflowId).describe()).runId;

/** Messages that change nothing make the run long enough to be continued in the middle of the phase. */
async function continuedHere(bench: Bench, rollout: Rollout, { phase }: Place): Promise<void> {
  await inPhase(rollout, phase);
  const before = await runOf(bench, rollout);
  for (let sent = 0; (await runOf(bench, rollout)) === before; sent += 1) {
    assert.ok(sent < 2 * EVENTS_A_RUN_WITH_SEVERAL_RAMPS, `${sent} messages did not end the run`);
    await rollout.handle.signal('acknowledge', {});
  }
  await inPhase(rollout, phase);
}

const HELD_FOR_A_HUMAN: readonly Phase['kind'][] = ['schema-held', 'cooling-off', 'frozen'];

const continued = (place: Place): Scenario => {
  const human = HELD_FOR_A_HUMAN.includes(place.phase);
  // A third ramp would make the history of a freeze twice as long.
  const wayOut = !human ? undefined : place.phase === 'frozen' ? 'abort' : 'retry';
  const rolledBack = place.abort === 'is-ending' || wayOut === 'abort';
  return {
    name: `continued-${place.name}`,
    outcome: rolledBack ? 'rolled-back' : 'promoted',
    plan: { ...SHORT, ...place.plan },
    input: { continueAfterEvents: human ? EVENTS_A_RUN_WITH_SEVERAL_RAMPS : EVENTS_A_RUN },
    runs: 'several',
    script: (play) => {
      const [during, from] = place.during ?? [];
      const base =
        place.during === undefined && !human ? holdingUntilOpened(place.phase === 'soaking' ? 0 : 1)(play) : scriptOf(place);
      return {
        ...base,
        ...(place.phase === 'schema-held' ? { activities: mendedSchema(play) } : {}),
        before: (name, start) => (name === during && start >= (from ?? 1) ? interrupted(play.opened) : undefined),
      };
    },
    drive: async (rollout, bench) => {
      await arrived(rollout, place);
      await continuedHere(bench, rollout, place);
      rollout.scripted.open();
      if (wayOut !== undefined) await tell(rollout, wayOut);
    },
    timeline: [
      /^started$/,
      /^acknowledge/,
      ...(wayOut === undefined ? [] : [new RegExp(`^${wayOut}: `)]),
      rolledBack ? /^rolled-back: / : /^promoted: /,
    ],
    activities: { openRamp: human || place.phase === 'opening' ? 2 : 1 },
  };
};

function mendedSchema({ opened }: Play): NonNullable<Script['activities']> {
  let mended = false;
  void opened.then(() => {
    mended = true;
  });
  return {
    probe: ({ probes }) =>
      Promise.resolve(
        mended
          ? { kind: 'probed', outcome: { judged: probes.count, serverErrors: 0, wrongRevision: 0, unanswered: 0 } }
          : { kind: 'schema-mismatch', difference: SCHEMA_DIFFERENCE },
      ),
  };
}

export const PHASES: readonly Scenario[] = [
  ...PLACES.map(aborted),
  ...PLACES.map(undecodable),
  ...PLACES.filter(({ phase }) => !NEVER_CONTINUED.includes(phase)).map(continued),
];
