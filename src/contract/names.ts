/** Names that people meet in Temporal's UI and CLI. They are a public interface: changing one breaks pipelines and histories. */
import type { Ramp, Target } from '../domain/words.js';

export const ROLLOUT_WORKFLOW = 'rollout';
export const KEEP_WORKFLOW = 'keep';
export const DRAIN_WORKFLOW = 'drain';
export const JANITOR_WORKFLOW = 'janitor';

/** Workflows and short activities. */
export const TASK_QUEUE = 'sluice';
/** superviseRamp, warmUp and waitForDrain: with one queue, long activities starve an abort (19.6 s measured). */
export const LONG_TASK_QUEUE = 'sluice-long';

/** The profile's name in plan, memo and result of a rollback after promotion. */
export const ROLLBACK_PROFILE = 'rollback';

export const STATUS_QUERY = 'status';

/** The id is the lock: one rollout per service and environment (conflict policy FAIL). */
export const rolloutId = (target: Target): string => `rollout/${target.environment}/${target.service}`;
export const keepId = (target: Target): string => `keep/${target.environment}/${target.service}`;
export const drainId = (target: Target, ramp: Ramp): string => `drain/${target.environment}/${target.service}/${ramp.id}`;
export const JANITOR_SCHEDULE = 'sluice-janitor';

export const SEARCH_ATTRIBUTES = {
  service: 'SluiceService',
  environment: 'SluiceEnvironment',
  release: 'SluiceRelease',
  phase: 'SluicePhase',
  weight: 'SluiceWeight',
  outcome: 'SluiceOutcome',
} as const;

export const MEMO = { headline: 'headline', digest: 'digest', profile: 'profile' } as const;
