/** A gate fails: what follows is the table of design.md §2. */
import { failed, gate, heartbeating, type Play, type Script, type ScriptedSupervision } from '../scripted.js';
import { blockedBy, inPhase, refused, tell } from './messages.js';
import type { Scenario } from './scenario.js';
import {
  atStep,
  duplicateEffect,
  failing,
  gross,
  healthy,
  held,
  holding,
  holdingUntilOpened,
  limits,
  SHORT,
  steps,
} from './scripts.js';

/** Fails while the next step is prepared, and says so only once the preparation is under way. */
const failingBeside =
  (step: number): ScriptedSupervision =>
  (supervise) =>
    supervise.step === step && !supervise.returnOnPass ? failed : healthy(supervise);

/** The activity is held until the rollback has begun: if the rollback waited for it (I5), neither would ever end. */
const untilRolledBack =
  (name: Parameters<Play['reached']>[0], from: number, supervise: ScriptedSupervision) =>
  ({ reached }: Play): Script => ({
    supervise,
    before: (asked, start) => (asked === name && start >= from ? reached('rollBack') : undefined),
  });

const ROLLED_BACK = { outcome: 'rolled-back', activities: { rollBack: 1, finalise: 0 } } as const;
const GATE_FAILED = /^errors fail$/;

export const GATES: readonly Scenario[] = [
  ...([0, 2, 3] as const).map((step) => ({
    name: `gate-fails-once-at-${[1, 5, 25, 50][step] ?? 0}-then-promoted`,
    outcome: 'promoted' as const,
    script: failing(step, 1),
    timeline: [
      new RegExp(`^step ${step + 1} of 5`),
      /^rollback: errors fail$/,
      /^users are safe/,
      /^ramp .* opens$/,
      /^step 1 of 5/,
      new RegExp(`^step ${step + 1} passed$`),
      /^promoted: /,
    ],
    activities: { openRamp: 2, rollBack: 1, shiftWeight: step + 1 + 5 },
  })),
  { ...ROLLED_BACK, name: 'gross-failure-at-50', script: failing(3, 1, gross), cause: GATE_FAILED },
  { ...ROLLED_BACK, name: 'duplicate-effect', plan: SHORT, script: failing(0, 1, duplicateEffect), cause: /^1 duplicate effect/ },
  { ...ROLLED_BACK, name: 'failure-in-the-bake', plan: SHORT, script: failing(1, 1), cause: GATE_FAILED },
  {
    ...ROLLED_BACK,
    name: 'gate-fails-and-no-retry-is-planned',
    plan: { ...SHORT, retry: { max: 0, coolOffMs: 100, total: 4 } },
    script: failing(0, 1),
    cause: GATE_FAILED,
    activities: { openRamp: 1, rollBack: 1, waitForDrain: 1, releaseCapacity: 1 },
  },
  {
    name: 'total-of-exposures-reached',
    outcome: 'rolled-back',
    plan: { retry: { max: 1, coolOffMs: 100, total: 2 } },
    script: () => {
      const failingSteps = new Set([0, 1]);
      return { supervise: (supervise) => (failingSteps.delete(supervise.step) ? failed : healthy(supervise)) };
    },
    cause: GATE_FAILED,
    never: [/^frozen/],
    activities: { openRamp: 2, rollBack: 2 },
  },
  {
    name: 'second-failure-freezes-then-retry-promotes',
    outcome: 'promoted',
    plan: steps(500, 2_500, 10_000),
    script: failing(1, 2),
    drive: async (rollout) => {
      await inPhase(rollout, 'frozen');
      await tell(rollout, 'retry');
    },
    timeline: [
      /^rollback: errors fail$/,
      /^rollback: errors fail$/,
      /^frozen: step 2 failed twice/,
      /^retry: a new ramp opens/,
      /^promoted: /,
    ],
    activities: { openRamp: 3, rollBack: 2 },
  },
  {
    name: 'frozen-to-its-limit',
    outcome: 'frozen',
    plan: { ...SHORT, ...limits({ frozenMs: 1_000 }) },
    script: failing(0, 2),
    cause: /^nobody came: frozen to its limit$/,
    timeline: [/^frozen: step 1 failed twice/, /^frozen to its limit$/],
    activities: { rollBack: 2, releaseCapacity: 1 },
  },
  {
    name: 'retry-while-cooling-off',
    outcome: 'promoted',
    plan: { ...SHORT, retry: { max: 1, coolOffMs: 3_600_000, total: 4 } },
    script: failing(0, 1),
    drive: async (rollout) => {
      await inPhase(rollout, 'cooling-off');
      await tell(rollout, 'retry');
    },
    timeline: [/^rollback: errors fail$/, /^retry: a new ramp opens/, /^ramp .* opens$/, /^promoted: /],
    activities: { openRamp: 2 },
  },
  {
    name: 'paused-in-the-cool-off-to-its-limit',
    outcome: 'rolled-back',
    plan: { ...SHORT, ...limits({ pauseMs: 2_000 }), retry: { max: 1, coolOffMs: 3_600_000, total: 4 } },
    script: (play) => ({ ...failing(0, 1)(), before: held('rollBack', 1, play) }),
    drive: async (rollout) => {
      await rollout.scripted.reached('rollBack');
      await refused(rollout, 'pause', /nothing to pause/);
      rollout.scripted.open();
      await inPhase(rollout, 'cooling-off');
      await tell(rollout, 'pause');
    },
    cause: /^paused beyond its limit$/,
    activities: { openRamp: 1, rollBack: 1, finalise: 0 },
  },
  {
    ...ROLLED_BACK,
    name: 'gate-fails-while-capacity-is-raised',
    plan: { ...SHORT, retry: { max: 0, coolOffMs: 100, total: 4 } },
    script: untilRolledBack('ensureCapacity', 3, failingBeside(0)),
    cause: GATE_FAILED,
    timeline: [/^step 1 passed$/, /^rollback: errors fail$/, /^users are safe/],
    activities: { ensureCapacity: 3, shiftWeight: 1, rollBack: 1 },
  },
  {
    ...ROLLED_BACK,
    name: 'gate-fails-while-the-weight-shifts',
    plan: {
      ...SHORT,
      connections: { router: 'edge', metrics: ['prom'], notify: [] },
      retry: { max: 0, coolOffMs: 100, total: 4 },
    },
    script: untilRolledBack('shiftWeight', 2, failingBeside(0)),
    cause: GATE_FAILED,
    timeline: [/^step 1 passed$/, /^rollback: errors fail$/, /^users are safe/],
    never: [/^step 2/],
    activities: { shiftWeight: 2, rollBack: 1 },
  },
  {
    ...ROLLED_BACK,
    name: 'gate-fails-while-verifying',
    plan: SHORT,
    script: untilRolledBack('verify', 1, failingBeside(1)),
    cause: GATE_FAILED,
    timeline: [/^step 2 passed$/, /^rollback: errors fail$/, /^users are safe/],
    activities: { verify: 1, rollBack: 1, finalise: 0 },
  },
  {
    ...ROLLED_BACK,
    name: 'gate-fails-while-the-promotion-is-made-durable',
    plan: SHORT,
    script: ({ opened, reached }) => {
      const watching = gate();
      return {
        supervise: async (supervise) => {
          if (supervise.step === 0 || supervise.returnOnPass) return healthy(supervise);
          watching.open();
          await heartbeating(opened);
          return failed;
        },
        before: (name) => (name === 'verify' ? watching.opened : name === 'finalise' ? reached('rollBack') : undefined),
      };
    },
    drive: async ({ scripted }) => {
      await scripted.reached('finalise');
      scripted.open();
    },
    cause: GATE_FAILED,
    timeline: [/^step 2 passed$/, /^rollback: errors fail$/, /^users are safe/],
    activities: { rollBack: 1, finalise: 1 },
  },
  {
    ...ROLLED_BACK,
    name: 'gate-fails-although-paused',
    plan: { ...SHORT, retry: { max: 0, coolOffMs: 100, total: 4 } },
    script: holdingUntilOpened(
      0,
      atStep(0, () => failed),
    ),
    drive: async (rollout) => {
      await inPhase(rollout, 'soaking');
      await tell(rollout, 'pause');
      await blockedBy(rollout, 'paused');
      rollout.scripted.open();
    },
    cause: GATE_FAILED,
    timeline: [/^pause: /, /^rollback: errors fail$/, /^users are safe/],
  },
  {
    ...ROLLED_BACK,
    name: 'gate-fails-right-after-skip',
    plan: { retry: { max: 0, coolOffMs: 100, total: 4 } },
    script: {
      supervise: (supervise) =>
        supervise.step === 0 && supervise.returnOnPass ? 'until-cancelled' : supervise.step === 1 ? failed : healthy(supervise),
    },
    drive: async (rollout) => {
      await inPhase(rollout, 'soaking');
      await tell(rollout, 'skip');
    },
    cause: GATE_FAILED,
    timeline: [/^skip: on to 5 %/, /^step 2 of 5: 5 %$/, /^rollback: errors fail$/],
    activities: { shiftWeight: 2, rollBack: 1 },
  },
  {
    ...ROLLED_BACK,
    name: 'gate-fails-right-after-promote',
    script: { supervise: (supervise) => (supervise.step === 4 ? failed : holding(0).supervise!(supervise)) },
    drive: async (rollout) => {
      await inPhase(rollout, 'soaking');
      await tell(rollout, 'promote');
    },
    cause: GATE_FAILED,
    timeline: [/^promote: on to 100 %/, /^step 5 of 5: 100 %$/, /^rollback: errors fail$/],
    activities: { shiftWeight: 2, rollBack: 1 },
  },
];
