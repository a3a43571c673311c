import type { Where } from '../../contract/activities.js';
import type { RolloutPlan } from '../../domain/plan.js';
import type { TrafficRouter } from '../../providers/ports.js';
import type { Tools } from '../dependencies.js';
import type { Execution } from '../execution.js';

/** What every check of preflight works on. */
export interface Checking {
  readonly tools: Tools;
  readonly run: Execution;
  readonly where: Where;
  readonly plan: RolloutPlan;
  readonly router: TrafficRouter;
}

/** What a check found: reasons refuse, warnings are told. A check never throws for what it finds. */
export interface Found {
  readonly reasons: readonly string[];
  readonly warnings: readonly string[];
}

export const NOTHING: Found = { reasons: [], warnings: [] };
export const refuse = (...reasons: string[]): Found => ({ reasons, warnings: [] });
export const warn = (...warnings: string[]): Found => ({ reasons: [], warnings });

export const both = (...found: readonly Found[]): Found => ({
  reasons: found.flatMap(({ reasons }) => reasons),
  warnings: found.flatMap(({ warnings }) => warnings),
});
