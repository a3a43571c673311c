/** What keeps a rollout from advancing, until it is cleared or its limit is reached. */
import assert from 'node:assert/strict';
import { rehearsal } from '../bench.js';
import { heartbeating, type Play, type Script } from '../scripted.js';
import { until } from '../../harness/until.js';
import { blockedBy, inPhase, refused, seen, tell } from './messages.js';
import type { Scenario } from './scenario.js';
import { atStep, failing, healthy, held, holdingUntilOpened, impatient, limits, seeing, seeingOwner, SHORT } from './scripts.js';

const WITH_PAGER = { connections: { ...rehearsal('any').connections, notify: ['pager'] } };

const MINUTE_MS = 60_000;
const WEEK_MINUTES = 7 * 24 * 60;
/** Minutes of the week, from Monday 00:00 UTC; the epoch began on a Thursday. */
const minuteOfWeek = (now: number): number => (Math.floor(now / MINUTE_MS) + 3 * 24 * 60) % WEEK_MINUTES;
const windowFrom = (now: number, inMinutes: number) => {
  const fromMinute = (minuteOfWeek(now) + inMinutes) % WEEK_MINUTES;
  return { ...SHORT, changeWindows: [{ fromMinute, toMinute: (fromMinute + 30) % WEEK_MINUTES }] };
};

type Sight = Parameters<typeof seeing>[0];

/** Sees the condition at the first step until the play is opened, and judges then. */
const overcoming =
  (sight: Sight, verdict: Parameters<typeof seeing>[1]) =>
  ({ opened }: Play): Script => {
    let over = false;
    return {
      supervise: async (supervise) => {
        if (over || supervise.step > 0) return healthy(supervise);
        if (supervise.known === sight) {
          await heartbeating(opened);
          over = true;
          return seeing('judging', 'pass')(supervise);
        }
        return seeing(sight, verdict)(supervise);
      },
    };
  };

const comesBack = (sight: 'idle' | 'blind' | 'inconclusive', verdict: Parameters<typeof seeing>[1], line: RegExp): Scenario => ({
  name: `${sight}-for-a-while-then-promoted`,
  outcome: 'promoted',
  plan: SHORT,
  script: overcoming(sight, verdict),
  drive: async (rollout) => {
    await blockedBy(rollout, sight);
    rollout.scripted.open();
  },
  timeline: [line, /^the gates can judge again$/, /^step 1 passed$/, /^promoted: /],
  never: [/rollback/],
  activities: { rollBack: 0, shiftWeight: 2 },
});

const LIMIT = { outcome: 'rolled-back', activities: { shiftWeight: 1, rollBack: 1, openRamp: 1, finalise: 0 } } as const;

/** Lets the first step pass while something holds the advance. */
const opensFirstStep = holdingUntilOpened(0);

export const HOLDS: readonly Scenario[] = [
  {
    ...LIMIT,
    name: 'idle-holds-to-its-limit',
    plan: { ...SHORT, ...limits({ idleMs: 2_000 }) },
    script: { supervise: atStep(0, seeing('idle', 'blind')) },
    cause: /^nobody cleared "idle" within its limit$/,
    timeline: [/^no traffic: waiting for requests$/, /^rollback: /, /^users are safe/],
    never: [/passed$/],
  },
  {
    name: 'idle-accepted-on-probes',
    outcome: 'promoted',
    plan: { ...SHORT, idleThen: 'accept-on-probes' },
    script: { supervise: seeing('idle', 'blind') },
    timeline: [
      /^no traffic/,
      /^accepted on probes without traffic: 20 pinned requests$/,
      /^accepted on probes without traffic/,
      /^promoted: /,
    ],
    never: [/^step . passed$/],
    findings: [/^25 %: accepted on probes/, /^25 %: not flat/, /^100 %: accepted on probes/, /^100 %: not flat/],
    activities: { probe: 3, rollBack: 0 },
  },
  {
    name: 'idle-and-the-probes-fail',
    outcome: 'rolled-back',
    plan: { ...SHORT, idleThen: 'accept-on-probes' },
    script: () => {
      let rounds = 0;
      return {
        supervise: atStep(0, seeing('idle', 'blind')),
        activities: {
          probe: ({ probes }) => {
            rounds += 1;
            const serverErrors = rounds === 1 ? 0 : 3;
            return Promise.resolve({
              kind: 'probed',
              outcome: { judged: probes.count, serverErrors, wrongRevision: 0, unanswered: 0 },
            });
          },
        },
      };
    },
    cause: /^3 of 20 pinned probes were answered 5xx$/,
    never: [/^accepted/],
    activities: { probe: 2, shiftWeight: 1, rollBack: 1 },
  },
  {
    ...LIMIT,
    name: 'idle-rolls-back',
    plan: { ...SHORT, idleThen: 'roll-back' },
    script: { supervise: atStep(0, seeing('idle', 'blind')) },
    cause: /^nobody cleared "idle"/,
  },
  comesBack('idle', 'blind', /^no traffic/),
  comesBack('blind', 'blind', /^blind: /),
  comesBack('inconclusive', 'inconclusive', /^the soak is over and the evidence does not suffice: extended$/),
  {
    ...LIMIT,
    name: 'blind-past-its-limit',
    plan: { ...SHORT, ...limits({ blindMs: 1_000 }) },
    script: { supervise: atStep(0, seeing('blind', 'blind')) },
    cause: /^nobody cleared "blind" within its limit$/,
    timeline: [/^blind: /, /^rollback: /],
  },
  {
    name: 'inconclusive-held-then-skipped-by-a-human',
    outcome: 'promoted',
    plan: { ...impatient(500, {}), ...WITH_PAGER },
    script: { supervise: atStep(0, seeing('inconclusive', 'inconclusive')) },
    drive: async (rollout) => {
      await blockedBy(rollout, 'inconclusive');
      await rollout.scripted.reached('notify');
      await tell(rollout, 'skip', { by: 'ann', reason: 'the traffic is too thin to say' });
    },
    timeline: [/extended$/, /^skip: on to 100 %: "the traffic is too thin to say"$/, /^promoted: /],
    never: [/^step 1 passed$/],
    findings: [/^25 %: left by skip/, /^25 %: not flat when it was left: errors inconclusive$/],
    activities: { rollBack: 0 },
  },
  {
    ...LIMIT,
    name: 'inconclusive-to-its-limit',
    plan: impatient(1_000, { inconclusiveMs: 1_000 }),
    script: { supervise: atStep(0, seeing('inconclusive', 'inconclusive')) },
    cause: /^nobody cleared "inconclusive" within its limit$/,
    timeline: [/extended$/, /^rollback: /],
  },
  {
    ...LIMIT,
    name: 'foreign-route-to-its-limit',
    plan: { ...SHORT, ...limits({ foreignRouteMs: 1_500 }) },
    script: { supervise: atStep(0, seeingOwner('spinnaker')) },
    cause: /^nobody cleared "foreign-route" within its limit$/,
    timeline: [/^somebody else wrote the route: spinnaker$/, /^rollback: /],
  },
  {
    name: 'foreign-route-comes-back-then-promoted',
    outcome: 'promoted',
    plan: SHORT,
    script: ({ opened }) => {
      let over = false;
      return {
        supervise: async (supervise) => {
          if (over || supervise.step > 0) return healthy(supervise);
          if (supervise.known !== 'foreign') return seeingOwner('spinnaker')(supervise);
          await heartbeating(opened);
          over = true;
          return seeing('judging', 'pass')(supervise);
        },
      };
    },
    drive: async (rollout) => {
      await blockedBy(rollout, 'foreign-route');
      rollout.scripted.open();
    },
    timeline: [/^somebody else wrote the route: spinnaker$/, /^the gates can judge again$/, /^step 1 passed$/, /^promoted: /],
    activities: { rollBack: 0, shiftWeight: 2 },
  },
  {
    name: 'paused-and-resumed',
    outcome: 'promoted',
    plan: SHORT,
    script: opensFirstStep,
    drive: async (rollout) => {
      await inPhase(rollout, 'soaking');
      await tell(rollout, 'pause');
      await refused(rollout, 'pause', /already paused by ann/);
      await refused(rollout, 'skip', /resume first/);
      rollout.scripted.open();
      await seen(rollout, 'a pass that is held', ({ judgement }) => judgement?.verdict === 'pass');
      await rollout.handle.signal('resume');
    },
    timeline: [/^pause: /, /^skip refused/, /^resume: resumed$/, /^step 1 passed$/, /^promoted: /],
    activities: { shiftWeight: 2, rollBack: 0 },
  },
  {
    ...LIMIT,
    name: 'paused-to-its-limit',
    plan: { ...SHORT, ...limits({ pauseMs: 3_000 }) },
    script: ({ opened }) => ({
      supervise: async (supervise) => {
        if (supervise.step > 0) return healthy(supervise);
        await heartbeating(opened);
        return supervise.bucket === 0
          ? seeing('judging', 'pass')({ ...supervise, bucketMs: 1 })
          : seeing('judging', 'pass')(supervise);
      },
    }),
    drive: async (rollout) => {
      await inPhase(rollout, 'soaking');
      await tell(rollout, 'pause');
      rollout.scripted.open();
    },
    cause: /^nobody cleared "pause" within its limit$/,
    timeline: [/^pause: /, /^rollback: /],
  },
  {
    name: 'paused-before-the-first-users-then-resumed',
    outcome: 'promoted',
    plan: SHORT,
    script: (play) => ({ before: held('probe', 1, play) }),
    drive: async (rollout) => {
      await rollout.scripted.reached('probe');
      await tell(rollout, 'pause');
      rollout.scripted.open();
      const { weightBp } = await inPhase(rollout, 'raising');
      assert.equal(weightBp, 0);
      assert.ok(!rollout.scripted.started.includes('shiftWeight'));
      await tell(rollout, 'resume');
    },
    timeline: [/^pause: /, /^probes passed/, /^resume: /, /^step 1 of 2/, /^promoted: /],
  },
  {
    name: 'frozen-with-reminders-to-its-limit',
    outcome: 'frozen',
    plan: { ...SHORT, ...WITH_PAGER, ...limits({ frozenMs: 8_000 }) },
    script: failing(0, 2),
    timeline: [/^frozen: step 1 failed twice/, /^frozen to its limit$/],
    // Twice "rolled back" and once "frozen"; the reminders are at 25, 50 and 90 % of the limit.
    activities: { notify: 6 },
  },
  {
    name: 'acknowledged-and-reminded-no-more',
    outcome: 'rolled-back',
    plan: {
      ...SHORT,
      ...WITH_PAGER,
      ...limits({ approvalMs: 8_000 }),
      approvals: [{ beforeStep: 0, count: 1, approvers: [], notTheStarter: false }],
    },
    drive: async (rollout) => {
      await rollout.scripted.reached('notify');
      await tell(rollout, 'acknowledge');
    },
    cause: /^nobody cleared "approval" within its limit$/,
    timeline: [/^acknowledge: acknowledged: the hold stays, its reminders end/, /^rollback: /],
    // The question itself and "rolled back".
    activities: { notify: 2, shiftWeight: 0, rollBack: 1 },
  },
  {
    name: 'change-window-closed-then-aborted',
    outcome: 'rolled-back',
    plan: (now) => windowFrom(now, 600),
    drive: async (rollout) => {
      await blockedBy(rollout, 'change-window-closed');
      await tell(rollout, 'abort');
    },
    cause: /^aborted by ann: because$/,
    activities: { shiftWeight: 0, rollBack: 1 },
  },
  {
    name: 'change-window-holds-until-it-opens',
    outcome: 'promoted',
    plan: (now) => windowFrom(now, 1),
    drive: async (rollout) => {
      await until(() => rollout.scripted.started.includes('shiftWeight'), { withinMs: 90_000, what: 'the window' });
    },
    timeline: [/^probes passed/, /^step 1 of 2/, /^promoted: /],
    never: [/rollback/],
  },
];
