import * as options from './options.js';

/** Once a minute by schedule: revokes ramps whose rollout is not running any more (terminated, for example). */
export function janitor(): Promise<readonly string[]> {
  return options.short.sweepOrphans();
}
