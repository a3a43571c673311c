import { rehearsal } from '../bench.js';
import type { Scenario } from './scenario.js';
import { failing, SHORT } from './scripts.js';

const { connections } = rehearsal('any');

export const HEALTHY: readonly Scenario[] = [
  {
    name: 'promoted',
    outcome: 'promoted',
    timeline: [
      /^started$/,
      /^preflight passed; gates in force: errors$/,
      /^ramp .* opens$/,
      /^warm$/,
      /^probes passed/,
      ...[1, 5, 25, 50, 100].flatMap((percent, step) => [
        new RegExp(`^step ${step + 1} of 5: ${percent} %$`),
        new RegExp(`^step ${step + 1} passed$`),
      ]),
      /^verified: probes, and the gates in force at each of 5 steps$/,
      /^finalised/,
      /^promoted: /,
    ],
    never: [/rollback/],
    activities: { openRamp: 1, shiftWeight: 5, ensureCapacity: 6, rollBack: 0, finalise: 1, waitForDrain: 1, verifyDrain: 1 },
  },
  {
    name: 'promoted-in-several-runs',
    outcome: 'promoted',
    input: { continueAfterEvents: 60 },
    runs: 'several',
    timeline: [/^started$/, /^step 1 passed$/, /^step 5 passed$/, /^promoted: /],
    never: [/rollback/],
    activities: { openRamp: 1, rollBack: 0, finalise: 1 },
  },
  {
    name: 'promoted-where-nothing-controls-capacity',
    outcome: 'promoted',
    plan: { ...SHORT, connections: { router: 'edge', metrics: ['prom'], notify: [] } },
    activities: { ensureCapacity: 0, shiftWeight: 2, finalise: 1 },
  },
  {
    name: 'batch-paused-through-the-first-steps',
    outcome: 'promoted',
    plan: { connections: { ...connections, queues: 'guard' }, pauseBatchUpToBp: 500 },
    timeline: [/^batch work paused$/, /^step 2 passed$/, /^batch work resumed$/, /^promoted: /],
    activities: { controlQueues: 3 },
  },
  {
    name: 'batch-resumed-on-a-rollback',
    outcome: 'rolled-back',
    script: failing(1, 1),
    plan: { connections: { ...connections, queues: 'guard' }, retry: { max: 0, coolOffMs: 0, total: 1 } },
    timeline: [/^batch work paused$/, /^rollback: errors fail$/, /^batch work resumed$/, /^rolled-back: /],
    activities: { controlQueues: 3 },
  },
];
