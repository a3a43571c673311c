/** Users are seen to leave the candidate (R18): the plan's next pin, or an alarm. Neither is a verdict. */
import type { SuperviseResult } from '../../../src/domain/effects.js';
import { judged } from '../../domain/world.js';
import type { Script } from '../scripted.js';
import type { Scenario } from './scenario.js';
import { healthy, SHORT } from './scripts.js';

const LEFT: SuperviseResult = {
  kind: 'unsticky',
  seen: { returns: 300, violations: 14 },
  condition: 'judging',
  evidence: 1,
  cursors: { prom: 1 },
  judgement: judged('inconclusive', 1_000),
};

/** Users leave for as long as they are told apart by their id. */
const leavingByUser: Script = { supervise: (supervise) => (supervise.stickyBy === 'user' ? LEFT : healthy(supervise)) };

export const STICKINESS: readonly Scenario[] = [
  {
    name: 'stickiness-violated-then-the-next-pin',
    outcome: 'promoted',
    plan: { ...SHORT, stickyBy: ['user', 'cookie'] },
    script: leavingByUser,
    timeline: [
      /^step 1 of 2: 25 %$/,
      /^stickiness violated: 14 of 300 returning users' requests left the candidate; users are told apart by cookie from now on \(was: user\)$/,
      /^step 1 of 2: 25 %$/,
      /^step 1 passed$/,
      /^step 2 of 2: 100 %$/,
      /^promoted: /,
    ],
    never: [/^rollback/, /^alarm/],
    activities: { shiftWeight: 3, openRamp: 1, rollBack: 0 },
  },
  {
    name: 'stickiness-violated-with-nothing-next',
    outcome: 'promoted',
    plan: { ...SHORT, stickyBy: ['user'] },
    script: leavingByUser,
    timeline: [
      /^step 1 of 2: 25 %$/,
      /^alarm: stickiness violated: 14 of 300 .* names no pin after it/,
      /^step 1 passed$/,
      /^promoted: /,
    ],
    never: [/^rollback/, /from now on/],
    activities: { shiftWeight: 2, openRamp: 1, rollBack: 0 },
  },
];
