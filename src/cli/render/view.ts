import type { RolloutPlan } from '../../domain/plan.js';
import type { Paint } from './text.js';

/** What a picture of a rollout needs besides the rollout. */
export interface View {
  /** Absent where the history cannot be read: then soak and lease are not shown. */
  readonly plan?: RolloutPlan;
  /** Now by Temporal's clock, in milliseconds: everything it is compared with was stamped there. */
  readonly now: number;
  readonly paint: Paint;
}
