/**
 * Pins (A15): honoured for callers with the token, and invisible for everybody else. A pin beats weight, lease and
 * revocation, and one that cannot be kept is an error: a pin that falls through to the other revision poisons every probe.
 */
import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { isSlot, type Slot } from '../../domain/words.js';

export const TOKEN_HEADER = 'x-release-token';
export const PIN_HEADERS: readonly string[] = ['x-release', 'x-canary'];

export type Pin =
  | { readonly kind: 'none' }
  | { readonly kind: 'stable' }
  | { readonly kind: 'candidate' }
  | { readonly kind: 'slot'; readonly slot: Slot }
  | { readonly kind: 'unknown' };

/** Tells the one right token from others, in a time that says nothing about how wrong they were. */
export function tokenCheck(token: string): (given: string | undefined) => boolean {
  const expected = digest(token);
  return (given) => given !== undefined && timingSafeEqual(digest(given), expected);
}

/** The pin of a caller who may pin. */
export function pinOf(headers: IncomingHttpHeaders): Pin {
  const [release, canary] = PIN_HEADERS.map((name) => single(headers[name])?.trim().toLowerCase());
  if (release !== undefined) return named(release);
  if (canary === undefined || canary === 'false') return { kind: 'none' };
  return { kind: canary === 'true' ? 'candidate' : 'unknown' };
}

export function single(header: string | string[] | undefined): string | undefined {
  return Array.isArray(header) ? header[0] : header;
}

function named(release: string): Pin {
  if (release === 'canary' || release === 'new') return { kind: 'candidate' };
  if (release === 'stable') return { kind: 'stable' };
  return isSlot(release) ? { kind: 'slot', slot: release } : { kind: 'unknown' };
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
