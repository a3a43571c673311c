/** Users who are seen to leave the candidate, and what they are told apart by from then on (R18). Never a verdict: no gate reads it. */
import type { RolloutPlan } from './plan.js';
import type { StickinessCounts } from './reading.js';
import type { RouterCapabilities } from './route.js';
import type { Ledger } from './state.js';
import type { StickyBy } from './words.js';

/** Fewer may be some people who logged in, or lost their cookies. */
const LEAST_VIOLATIONS = 10;
/** Share of the returning requests that may leave. */
const TOLERATED_SHARE = 0.01;

export function isViolated({ returns, violations }: StickinessCounts): boolean {
  return violations >= LEAST_VIOLATIONS && violations > TOLERATED_SHARE * returns;
}

/** What the router can tell users apart by. */
export function tellsApartBy({ sticky, stickyBy }: Pick<RouterCapabilities, 'sticky' | 'stickyBy'>): readonly StickyBy[] {
  return sticky === 'none' ? [] : (stickyBy ?? ['user']);
}

/** The pins that the plan names, in their order; none where it wants no stickiness. */
export function pinsOf({ sticky, stickyBy }: Pick<RolloutPlan, 'sticky' | 'stickyBy'>): readonly StickyBy[] {
  return sticky ? (stickyBy ?? ['user']) : [];
}

/** What users are told apart by now; undefined where chance decides on every request. */
export function stickyByOf(plan: RolloutPlan, { stickyBy }: Pick<Ledger, 'stickyBy'>): StickyBy | undefined {
  return stickyBy ?? pinsOf(plan)[0];
}

/** The pin that follows: the next of the plan's that the router can. */
export function nextPin(
  plan: RolloutPlan,
  ledger: Pick<Ledger, 'stickyBy'>,
  router: Pick<RouterCapabilities, 'sticky' | 'stickyBy'>,
): StickyBy | undefined {
  const pins = pinsOf(plan);
  const now = stickyByOf(plan, ledger);
  const able = tellsApartBy(router);
  return now === undefined ? undefined : pins.slice(pins.indexOf(now) + 1).find((pin) => able.includes(pin));
}

/** For the timeline and for people. */
export function describeViolation({ returns, violations }: StickinessCounts): string {
  return `stickiness violated: ${violations} of ${returns} returning users' requests left the candidate`;
}
