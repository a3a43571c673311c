/** The end of a rollout: verification, drain, and what is let go of. */
import { KEEP_WORKFLOW, keepId, rolloutId, TASK_QUEUE } from '../../../src/contract/names.js';
import { GROUND } from '../../domain/world.js';
import { rehearsal } from '../bench.js';
import { inPhase, tell } from './messages.js';
import type { Scenario } from './scenario.js';
import { held, holding, SHORT } from './scripts.js';

export const ENDINGS: readonly Scenario[] = [
  {
    name: 'verification-fails-before-it-is-durable',
    outcome: 'rolled-back',
    plan: SHORT,
    script: { activities: { verify: () => Promise.resolve({ kind: 'verified', failures: ['p95 rose at 50 %'] }) } },
    cause: /^verification failed: p95 rose at 50 %$/,
    timeline: [/^step 2 passed$/, /^rollback: verification failed/, /^users are safe/],
    activities: { verify: 1, finalise: 0, rollBack: 1 },
  },
  {
    name: 'drain-findings-after-the-promotion',
    outcome: 'promoted',
    plan: { ...SHORT, connections: { ...rehearsal('any').connections, notify: ['pager'] } },
    script: {
      activities: {
        waitForDrain: () => Promise.resolve({ kind: 'drained', activeAtCeiling: 2 }),
        verifyDrain: () => Promise.resolve({ kind: 'drain-verified', findings: ['2 streams on blue'] }),
      },
    },
    findings: [/^2 streams were still open at the drain ceiling; nothing was killed$/, /^2 streams on blue$/],
    // Two findings page somebody, and the promotion is told; the old revision is kept, never released here.
    activities: { notify: 3, releaseCapacity: 0, rollBack: 0 },
  },
  {
    name: 'rolled-back-with-streams-still-open',
    outcome: 'rolled-back',
    plan: SHORT,
    script: {
      ...holding(0),
      activities: {
        waitForDrain: () => Promise.resolve({ kind: 'drained', activeAtCeiling: 2 }),
        releaseCapacity: () => Promise.resolve({ stillOpen: 2 }),
      },
    },
    drive: async (rollout) => {
      await inPhase(rollout, 'soaking');
      await tell(rollout, 'abort');
    },
    findings: [/^2 streams were still open at the drain ceiling/, /^2 streams are still open on green, so its capacity is kept/],
    activities: { releaseCapacity: 1, rollBack: 1 },
  },
  {
    name: 'promoted-while-a-keeper-still-runs',
    outcome: 'promoted',
    plan: SHORT,
    script: (play) => ({ before: held('finalise', 1, play) }),
    drive: async (rollout, { client }) => {
      await rollout.scripted.reached('finalise');
      const { target, connections } = rehearsal('promoted-while-a-keeper-still-runs');
      const where = { rollout: rolloutId(target), target, connections };
      await client.workflow.start(KEEP_WORKFLOW, {
        workflowId: keepId(target),
        taskQueue: TASK_QUEUE,
        args: [{ where, revision: GROUND.stable, forMs: 3_600_000 }],
      });
      rollout.scripted.open();
    },
    timeline: [/^finalised/, /^promoted: /],
    // The keeper that was ended lets go of nothing.
    activities: { releaseCapacity: 0 },
  },
];
