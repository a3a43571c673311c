/** One table of paths: the scenario test runs each on a real server, the recorder keeps its history, the replay test replays it. */
import { ENDINGS } from './endings.js';
import { GATES } from './gates.js';
import { HEALTHY } from './healthy.js';
import { HOLDS } from './holds.js';
import { INSTANTS } from './instants.js';
import { PEOPLE } from './people.js';
import { PHASES } from './phases.js';
import { PLATFORM } from './platform.js';
import type { Scenario } from './scenario.js';
import { STICKINESS } from './stickiness.js';

export const SCENARIOS: readonly Scenario[] = [
  ...HOLDS,
  ...PLATFORM,
  ...HEALTHY,
  ...GATES,
  ...STICKINESS,
  ...PEOPLE,
  ...INSTANTS,
  ...ENDINGS,
  ...PHASES,
];
