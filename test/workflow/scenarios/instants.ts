/** A message that arrives in the same instant as a phase changes (I12): sent by the very activity that is about to answer. */
import { failed, type ActivityName, type Play, type Script } from '../scripted.js';
import { blockedBy, inPhase, tell } from './messages.js';
import type { MessageKind } from '../../../src/domain/messages.js';
import type { Scenario } from './scenario.js';
import { atStep, cutShort, failing, healthy, SHORT } from './scripts.js';

/** Sends the message just before one start of the activity answers. */
const as =
  (name: ActivityName, start: number, kind: MessageKind, script: Script = {}) =>
  ({ signal }: Play): Script => ({
    ...script,
    before: (asked, at) => (asked === name && at === start ? signal(kind, { by: 'ann' }) : undefined),
  });

const ABORTED = { outcome: 'rolled-back', plan: SHORT, cause: /^aborted by ann/ } as const;

export const INSTANTS: readonly Scenario[] = [
  { ...ABORTED, name: 'abort-as-the-preflight-answers', script: as('preflight', 1, 'abort'), activities: { openRamp: 0 } },
  {
    ...ABORTED,
    name: 'abort-as-the-ramp-opens',
    script: as('openRamp', 1, 'abort'),
    activities: { openRamp: 1, shiftWeight: 0, rollBack: 1 },
  },
  {
    ...ABORTED,
    name: 'abort-as-the-shift-is-confirmed',
    script: as('shiftWeight', 1, 'abort'),
    activities: { shiftWeight: 1, rollBack: 1, finalise: 0 },
  },
  {
    ...ABORTED,
    name: 'abort-as-the-step-passes',
    script: as('superviseRamp', 1, 'abort'),
    activities: { shiftWeight: 1, rollBack: 1, finalise: 0 },
  },
  {
    ...ABORTED,
    name: 'abort-as-the-verification-ends',
    script: as('verify', 1, 'abort'),
    timeline: [/^step 2 passed$/, /^rollback: aborted by ann$/],
    activities: { rollBack: 1, finalise: 0 },
  },
  {
    ...ABORTED,
    name: 'abort-as-the-promotion-becomes-durable',
    script: as('finalise', 1, 'abort'),
    timeline: [/^step 2 passed$/, /^rollback: aborted by ann$/],
    activities: { rollBack: 1, finalise: 1 },
  },
  {
    name: 'pause-as-the-step-passes',
    outcome: 'promoted',
    plan: SHORT,
    script: as('superviseRamp', 1, 'pause'),
    drive: async (rollout) => {
      await blockedBy(rollout, 'paused');
      await tell(rollout, 'resume');
    },
    timeline: [/^pause: /, /^resume: /, /^step 1 passed$/, /^promoted: /],
    activities: { shiftWeight: 2, rollBack: 0 },
  },
  {
    name: 'skip-as-the-step-passes',
    outcome: 'promoted',
    script: as('superviseRamp', 1, 'skip'),
    timeline: [/^skip: on to 5 %/, /^step 2 of 5/, /^step 2 passed$/, /^promoted: /],
    never: [/^step 1 passed$/],
    findings: [/^1 %: left by skip/],
    activities: { shiftWeight: 5, rollBack: 0 },
  },
  {
    name: 'promote-as-the-gate-fails',
    outcome: 'rolled-back',
    plan: { retry: { max: 0, coolOffMs: 100, total: 4 } },
    script: as('superviseRamp', 1, 'promote', failing(0, 1)()),
    cause: /^errors fail$/,
    timeline: [/^promote: on to 100 %/, /^rollback: errors fail$/, /^users are safe/],
    activities: { shiftWeight: 1, rollBack: 1 },
  },
  {
    name: 'resume-as-the-bucket-ends',
    outcome: 'promoted',
    plan: SHORT,
    script: ({ signal, opened }) => ({
      supervise: atStep(0, async (supervise) => {
        if (!supervise.returnOnPass || supervise.bucket > 0) return healthy(supervise);
        await opened;
        await signal('resume', { by: 'ann' });
        return { ...cutShort('pass'), kind: 'bucket-ended' };
      }),
    }),
    drive: async (rollout) => {
      await inPhase(rollout, 'soaking');
      await tell(rollout, 'pause');
      rollout.scripted.open();
    },
    timeline: [/^pause: /, /^resume: /, /^step 1 passed$/, /^promoted: /],
    activities: { shiftWeight: 2, rollBack: 0 },
  },
  {
    name: 'retry-a-moment-too-early',
    outcome: 'rolled-back',
    plan: SHORT,
    script: as('rollBack', 2, 'retry', { supervise: atStep(0, () => failed) }),
    drive: async (rollout) => {
      await inPhase(rollout, 'frozen');
      await tell(rollout, 'abort');
    },
    cause: /^aborted by ann$/,
    timeline: [/^retry refused: retry needs a rollout that is frozen/, /^frozen/, /^abort/],
    activities: { openRamp: 2, rollBack: 2 },
  },
];
