import { ROLLBACK_PROFILE } from '../contract/names.js';
import type { RolloutPlan } from '../domain/plan.js';
import { renderPath } from '../spec/paths.js';
import type { PlatformConfig } from '../spec/platform.js';
import { refusedByPlatform } from '../spec/platform-rules.js';

/**
 * What this worker's own configuration does not allow a plan, in sentences: whoever started it may have had another
 * configuration, or none. Floors do not hold a rollback after a promotion up: it must always be possible (A26).
 */
export function admission(config: PlatformConfig): (plan: RolloutPlan) => readonly string[] {
  const withoutFloors: PlatformConfig = {
    ...config,
    floors: {},
    environments: Object.fromEntries(Object.entries(config.environments).map(([name, { production }]) => [name, { production }])),
  };
  return (plan) =>
    refusedByPlatform(plan, plan.profile === ROLLBACK_PROFILE ? withoutFloors : config).map(
      ({ paths, found, expected, hint }) =>
        `${renderPath(paths[0])} is ${found}, and ${expected} is expected${hint === undefined ? '' : ` (${hint})`}`,
    );
}
