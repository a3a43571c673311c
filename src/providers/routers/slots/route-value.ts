/**
 * One entry of the map `routes`: `<slot>:<bp>:<sticky>:<ramp>.<sequence>`. One value, so that a change of it is atomic. `sticky`
 * is `off`, or what users are told apart by: `on` (the user's id, as it has always been called), `cookie`, `header`.
 */
import type { RouteIntent } from '../../../domain/route.js';
import type { BasisPoints, Slot } from '../../../domain/words.js';
import { slotOf } from './names.js';

export interface StoredRoute {
  readonly candidate: Slot;
  readonly candidateBp: BasisPoints;
  readonly ramp: string;
  readonly sequence: number;
}

export function writeRoute(intent: RouteIntent): string {
  const { candidate, candidateBp, ramp, sequence } = intent;
  return `${slotOf(candidate)}:${String(candidateBp)}:${stickyWord(intent)}:${ramp.id}.${String(sequence)}`;
}

function stickyWord({ sticky, stickyBy = 'user' }: RouteIntent): string {
  if (!sticky) return 'off';
  return stickyBy === 'user' ? 'on' : stickyBy;
}

/** Undefined for a service without a route, and for a value that HAProxy would not act upon either. */
export function readRoute(value: string): StoredRoute | undefined {
  const [, slot, bp, ramp, sequence] = /^(blue|green):(\d{1,5}):[^:]*:([^:.]+)\.(\d{1,9})$/.exec(value) ?? [];
  if (slot === undefined || ramp === undefined || Number(bp) > 10_000) return undefined;
  return { candidate: slot as Slot, candidateBp: Number(bp), ramp, sequence: Number(sequence) };
}
