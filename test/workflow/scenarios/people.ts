/** What people ask for, one way or another. */
import assert from 'node:assert/strict';
import { until } from '../../harness/until.js';
import { statusOf } from '../bench.js';
import { drainId } from '../../../src/contract/names.js';
import { blockedBy, inPhase, lastDecision, refused, resetTo, seen, sendRaw, tell, UNDECODABLE } from './messages.js';
import type { Scenario } from './scenario.js';
import { failing, healthy, held, holding, impatient, lapsed, seeing, SHORT } from './scripts.js';

const approval = (over: { readonly count?: number; readonly approvers?: readonly string[] } = {}) => ({
  approvals: [{ beforeStep: 1, count: 1, approvers: [], notTheStarter: true, ...over }],
});

export const PEOPLE: readonly Scenario[] = [
  {
    name: 'approved-by-two',
    outcome: 'promoted',
    plan: { ...SHORT, ...approval({ count: 2 }) },
    drive: async (rollout) => {
      await blockedBy(rollout, 'awaiting-approval');
      await tell(rollout, 'approve', { by: 'ann' });
      await refused(rollout, 'approve', /ann has approved already; 1 more needed/, { by: 'ann' });
      await tell(rollout, 'approve', { by: 'bob' });
    },
    timeline: [/^approve: approved 100 %; 1 more needed/, /^approve refused: ann/, /^approve: approved 100 %$/, /^promoted: /],
    activities: { shiftWeight: 2, rollBack: 0 },
  },
  {
    name: 'approved-only-by-the-right-person',
    outcome: 'promoted',
    plan: { ...SHORT, ...approval({ approvers: ['oncall', 'ci'] }) },
    drive: async (rollout) => {
      await blockedBy(rollout, 'awaiting-approval');
      await refused(rollout, 'approve', /^mallory is not an approver; approvers: oncall, ci$/, { by: 'mallory' });
      await refused(rollout, 'approve', /^ci started this rollout; somebody else must approve it$/, { by: 'ci' });
      await refused(rollout, 'skip', /needs 1 more approval/);
      await tell(rollout, 'approve', { by: 'oncall', reason: 'looks fine' });
    },
    timeline: [
      /^approve refused: mallory/,
      /^approve refused: ci/,
      /^skip refused/,
      /^approve: approved 100 %.*"looks fine"$/,
      /^step 1 passed$/,
    ],
    activities: { shiftWeight: 2, rollBack: 0 },
  },
  {
    name: 'approval-expires',
    outcome: 'rolled-back',
    plan: { ...impatient(500, { approvalMs: 1_000 }), ...approval() },
    script: { supervise: (supervise) => (supervise.returnOnPass ? healthy(supervise) : seeing('judging', 'pass')(supervise)) },
    cause: /^nobody cleared "approval" within its limit$/,
    never: [/^step 1 passed$/],
    activities: { shiftWeight: 1, rollBack: 1 },
  },
  {
    name: 'skip-and-promote',
    outcome: 'promoted',
    script: { supervise: (supervise) => (supervise.step === 4 ? healthy(supervise) : 'until-cancelled') },
    drive: async (rollout) => {
      await inPhase(rollout, 'soaking');
      await tell(rollout, 'skip');
      await seen(rollout, '5 % in a soak', ({ phase, weightBp }) => phase === 'soaking' && weightBp === 500);
      await tell(rollout, 'promote');
    },
    timeline: [/^step 1 of 5/, /^skip: on to 5 %/, /^step 2 of 5/, /^promote: on to 100 %/, /^step 5 of 5/, /^step 5 passed$/],
    never: [/^step [1234] passed$/, /^step [34] of 5/],
    findings: [/^1 %: left by skip/, /^5 %: left by promote/],
    activities: { shiftWeight: 3, rollBack: 0 },
  },
  {
    name: 'superseded',
    outcome: 'rolled-back',
    plan: SHORT,
    script: holding(0),
    drive: async (rollout) => {
      await inPhase(rollout, 'soaking');
      await rollout.handle.signal('abort', { by: 'ci', supersededBy: 'next' });
    },
    cause: /^aborted by ci$/,
    // The drain belongs to a workflow of its own.
    activities: { rollBack: 1, waitForDrain: 0, releaseCapacity: 0 },
  },
  {
    name: 'superseded-while-frozen',
    outcome: 'rolled-back',
    plan: SHORT,
    script: failing(0, 2),
    drive: async (rollout) => {
      await inPhase(rollout, 'frozen');
      await rollout.handle.signal('abort', { by: 'ci', supersededBy: 'next' });
    },
    cause: /^aborted by ci$/,
    timeline: [/^frozen/, /^abort$/, /^rolled-back: /],
    activities: { rollBack: 2, waitForDrain: 0, releaseCapacity: 0 },
  },
  {
    name: 'superseded-during-the-drain',
    outcome: 'rolled-back',
    plan: SHORT,
    script: (play) => ({ ...holding(0), before: held('waitForDrain', 1, play) }),
    drive: async (rollout, { client }) => {
      await inPhase(rollout, 'soaking');
      await tell(rollout, 'abort');
      await rollout.scripted.reached('waitForDrain');
      const { ramp } = await statusOf(rollout);
      assert.ok(ramp);
      await tell(rollout, 'abort', { by: 'ci', supersededBy: 'next' });
      const drain = client.workflow.getHandle(drainId({ service: 'superseded-during-the-drain', environment: 'test' }, ramp));
      await until(async () => (await drain.describe()).status.name === 'RUNNING', {
        withinMs: 30_000,
        what: 'a drain of its own',
      });
      rollout.scripted.open();
    },
    timeline: [/^users are safe/, /^abort$/, /^rolled-back: aborted by ann: because$/],
    activities: { waitForDrain: 1, releaseCapacity: 0 },
  },
  {
    name: 'cancelled-from-the-ui',
    outcome: 'rolled-back',
    plan: SHORT,
    script: holding(0),
    drive: async (rollout) => {
      await inPhase(rollout, 'soaking');
      await rollout.handle.cancel();
    },
    cause: /^aborted by Temporal cancel request: cancel requested$/,
    activities: { rollBack: 1, waitForDrain: 1, releaseCapacity: 1 },
  },
  {
    name: 'cancelled-while-a-rollback-is-running',
    outcome: 'rolled-back',
    plan: SHORT,
    script: (play) => ({ ...failing(0, 1)(), before: held('rollBack', 1, play) }),
    drive: async (rollout) => {
      await rollout.scripted.reached('rollBack');
      await rollout.handle.cancel();
      await seen(rollout, 'the cancel request', ({ timeline }) => timeline.some(({ what }) => what.startsWith('abort')));
      rollout.scripted.open();
    },
    cause: /^aborted by Temporal cancel request/,
    timeline: [/^rollback: errors fail$/, /^abort: "cancel requested"$/, /^users are safe/],
    activities: { openRamp: 1, rollBack: 1 },
  },
  {
    name: 'the-same-request-twice',
    outcome: 'rolled-back',
    plan: SHORT,
    script: holding(0),
    drive: async (rollout) => {
      await inPhase(rollout, 'soaking');
      for (let times = 0; times < 2; times += 1) await tell(rollout, 'pause', { by: 'ann', requestId: 'r1' });
      await refused(rollout, 'pause', /already paused/, { by: 'ann', requestId: 'r2' });
      for (let times = 0; times < 2; times += 1) await rollout.handle.signal('abort', { by: 'ann', requestId: 'r3' });
    },
    timeline: [/^pause: /, /^pause refused: already paused by ann$/, /^rollback: aborted by ann$/],
    activities: { rollBack: 1 },
  },
  {
    name: 'undecodable-in-every-form',
    outcome: 'rolled-back',
    plan: SHORT,
    script: holding(0),
    drive: async (rollout, bench) => {
      await inPhase(rollout, 'soaking');
      const { null: empty, ...forms } = UNDECODABLE;
      for (const payload of Object.values(forms)) await sendRaw(bench, rollout, 'pause', payload);
      await sendRaw(bench, rollout, 'no-such-message', UNDECODABLE.brokenBytes);
      await seen(
        rollout,
        'six lines',
        ({ timeline }) => timeline.filter(({ what }) => what.startsWith('undecodable')).length === 6,
      );
      await sendRaw(bench, rollout, 'pause', empty);
      await blockedBy(rollout, 'paused');
      await sendRaw(bench, rollout, 'abort', UNDECODABLE.brokenBytes);
    },
    cause: /^aborted by unknown sender: undecodable payload$/,
    timeline: [
      ...Array.from({ length: 5 }, () => /^undecodable message "pause": /),
      /^undecodable message "no-such-message"/,
      /^pause: /,
      /^undecodable message "abort": /,
      /^rollback: /,
    ],
    activities: { rollBack: 1 },
  },
  {
    // The ramp that the earlier run revoked is met by one that takes it for live.
    name: 'reset-to-before-an-abort-is-a-lapse',
    outcome: 'promoted',
    plan: SHORT,
    script: () => {
      let watched = 0;
      return {
        supervise: (supervise) => {
          if (supervise.step !== 0 || watched === 2) return healthy(supervise);
          watched += 1;
          return watched === 1 ? 'until-cancelled' : lapsed(1_000);
        },
      };
    },
    drive: async (rollout, bench) => {
      await inPhase(rollout, 'soaking');
      const soaking = await lastDecision(rollout);
      // The first watch is the one that is cancelled, so it must have begun.
      await rollout.scripted.reached('superviseRamp');
      await tell(rollout, 'abort');
      await rollout.scripted.reached('rollBack');
      await resetTo(bench, rollout, soaking, { withoutMessages: true });
    },
    timeline: [
      /^step 1 of 2/,
      /^rollback: the router stopped serving the ramp/,
      /^ramp .* opens$/,
      /^step 1 of 2/,
      /^step 1 passed$/,
      /^promoted: /,
    ],
    never: [/^abort/],
    activities: { openRamp: 2, rollBack: 1 },
  },
  {
    name: 'reset-to-before-an-abort-hears-it-again',
    outcome: 'rolled-back',
    plan: SHORT,
    script: holding(0),
    drive: async (rollout, bench) => {
      await inPhase(rollout, 'soaking');
      const soaking = await lastDecision(rollout);
      await rollout.handle.signal('abort', { by: 'ann', reason: 'because' });
      await rollout.scripted.reached('rollBack');
      await resetTo(bench, rollout, soaking);
    },
    cause: /^aborted by ann: because$/,
    activities: { openRamp: 1, rollBack: 1 },
  },
];
