import type { Supervise } from '../../domain/effects.js';
import type { RouteState } from '../../domain/route.js';
import type { BasisPoints, Instant } from '../../domain/words.js';

/** What a route read says about the ramp that is supervised. */
export type RouteLook =
  | { readonly kind: 'serving' }
  /** The router does not serve the ramp any more: its lease lapsed, it was revoked, or the router came back without it. */
  | { readonly kind: 'lost'; readonly forMs: number }
  | { readonly kind: 'foreign'; readonly owner: string };

/** The weight last seen with a sequence: another weight under the same sequence was written by hand. */
interface Written {
  readonly sequence: number;
  readonly candidateBp: BasisPoints;
}

export interface RouteSeen {
  readonly written?: Written;
  /** When the router last served the ramp, by the router's own clock: lengths of lapses are told from nothing else. */
  readonly servedAt?: Instant;
}

export function lookAt(
  supervise: Supervise,
  route: RouteState,
  seen: RouteSeen,
): { readonly look: RouteLook; readonly seen: RouteSeen } {
  const standing = standingOf(supervise, route, seen);
  switch (standing.kind) {
    case 'serving':
      return {
        look: standing,
        seen: { written: { sequence: route.sequence, candidateBp: route.candidateBp }, servedAt: route.at },
      };
    case 'lost':
      return { look: { kind: 'lost', forMs: lapseMs(seen, route) }, seen };
    case 'foreign':
      return { look: standing, seen };
  }
}

type Standing = Exclude<RouteLook, { kind: 'lost' }> | { readonly kind: 'lost' };

function standingOf({ ramp, known, policy }: Supervise, route: RouteState, seen: RouteSeen): Standing {
  if (route.ramp === undefined) {
    const somebody = route.candidate !== undefined && route.candidateBp > 0;
    return somebody ? { kind: 'foreign', owner: 'unknown (the route names no ramp)' } : { kind: 'lost' };
  }
  if (route.ramp.owner !== ramp.owner) return { kind: 'foreign', owner: route.ramp.owner };
  if (route.ramp.id !== ramp.id || route.lease === 'lapsed' || route.lease === 'revoked' || route.candidateBp === 0)
    return { kind: 'lost' };
  // A bucket that begins in a foreign hold expects the step's own weight: nothing is being shifted meanwhile.
  const written = seen.written ?? (known === 'foreign' ? { sequence: route.sequence, candidateBp: policy.weightBp } : undefined);
  if (written?.sequence === route.sequence && written.candidateBp !== route.candidateBp) {
    return {
      kind: 'foreign',
      owner: `unknown (the weight was changed by hand from ${percent(written.candidateBp)} to ${percent(route.candidateBp)})`,
    };
  }
  return { kind: 'serving' };
}

/** How long a ramp has not been served is told by the router's clock alone; 0 where it was never seen to serve. */
const lapseMs = (seen: RouteSeen, route: RouteState): number =>
  seen.servedAt === undefined ? 0 : Math.max(0, route.at - seen.servedAt);

const percent = (bp: BasisPoints): string => `${String(bp / 100)} %`;
