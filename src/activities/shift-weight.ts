import type { RolloutActivities } from '../contract/activities.js';
import type { Tools } from './dependencies.js';
import { execution } from './execution.js';
import { applyAndConfirm, writing } from './route-writes.js';

/** Apply and confirm are one activity: six events of history for a step. */
export function shiftWeight(tools: Tools): RolloutActivities['shiftWeight'] {
  return ({ where, intent, leaseMs }) => applyAndConfirm(writing(tools, execution(), where, intent), leaseMs);
}
