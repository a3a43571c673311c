import type { RolloutPlan } from '../../domain/plan.js';
import type { RouterCapabilities } from '../../domain/route.js';
import { pinsOf, tellsApartBy } from '../../domain/stickiness.js';
import { throwIfCancelled } from '../execution.js';
import { describeError } from '../failures.js';
import { persistently } from '../waiting.js';
import { both, NOTHING, refuse, warn, type Checking, type Found } from './checking.js';

export interface CapabilitiesFound {
  readonly found: Found;
  readonly capabilities?: RouterCapabilities;
}

export async function checkCapabilities({ tools, run, where, plan, router }: Checking): Promise<CapabilitiesFound> {
  try {
    const capabilities = await persistently(tools.clock, run, () => router.describe(where.target));
    return { found: holdAgainst(plan, capabilities), capabilities };
  } catch (error) {
    throwIfCancelled(run.signal);
    return { found: refuse(`router "${where.connections.router}" does not say what it can do: ${describeError(error)}`) };
  }
}

/** Weights are never rounded silently; what a router cannot do and a person may accept is a warning. */
function holdAgainst(plan: RolloutPlan, router: RouterCapabilities): Found {
  const uneven = plan.steps.filter(({ weightBp }) => weightBp % router.stepBp !== 0).map(({ weightBp }) => percent(weightBp));
  return both(
    uneven.length > 0
      ? refuse(
          `the router's weights are multiples of ${percent(router.stepBp)}, so it cannot give ${uneven.join(', ')}: choose other steps`,
        )
      : NOTHING,
    router.pin === 'none'
      ? refuse('the router cannot pin a request to the candidate, so nothing can be probed before users arrive (R14)')
      : NOTHING,
    router.lease && plan.leaseMs < 2 * plan.tickMs
      ? refuse(
          `a lease of ${String(plan.leaseMs)} ms would lapse between two ticks of ${String(plan.tickMs)} ms: expected at least twice the tick`,
        )
      : NOTHING,
    router.lease
      ? NOTHING
      : warn(
          'the router has no lease: if every worker or Temporal is dead, users stay on the candidate until the janitor runs again',
        ),
    plan.sticky && router.sticky === 'none'
      ? warn('the router cannot keep a user on one revision: users will bounce between them (R17)')
      : stickiness(plan, router),
    router.drain === 'timed' ? warn('the router cannot count open streams: the drain lasts to its ceiling') : NOTHING,
    router.streamsSurvive === false ? warn('the router cuts open streams when weights change (R16)') : NOTHING,
    router.pinMiss === 'falls-through'
      ? warn('a pin that misses falls through to another revision: such answers are counted as no data')
      : NOTHING,
  );
}

/** Users are told apart by the plan's first pin from the first of them on; a later one that the router cannot is passed over. */
function stickiness(plan: RolloutPlan, router: RouterCapabilities): Found {
  const able = tellsApartBy(router);
  const [first, ...later] = pinsOf(plan);
  const list = able.join(', ');
  if (first !== undefined && !able.includes(first))
    return refuse(`the router cannot tell users apart by ${first}, only by ${list}: begin sticky.by with one of those (R18)`);
  const beyond = later.filter((pin) => !able.includes(pin));
  return beyond.length === 0
    ? NOTHING
    : warn(
        `the router cannot tell users apart by ${beyond.join(', ')}: where users are seen to leave, that pin is passed over (R18)`,
      );
}

const percent = (bp: number): string => `${String(bp / 100)} %`;
