import type { RolloutActivities } from '../contract/activities.js';
import type { Tools } from './dependencies.js';
import { execution } from './execution.js';
import { applyAndConfirm, writing } from './route-writes.js';

/** Claims the ramp: the route names the candidate at weight 0, so that pins reach it before any user does (R14). */
export function openRamp(tools: Tools): RolloutActivities['openRamp'] {
  return ({ where, intent, leaseMs }) => applyAndConfirm(writing(tools, execution(), where, intent), leaseMs);
}
