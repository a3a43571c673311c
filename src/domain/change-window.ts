import type { ChangeWindow } from './plan.js';
import type { Instant } from './words.js';

const MINUTE_MS = 60_000;
const WEEK_MINUTES = 7 * 24 * 60;
/** 1970-01-05 was a Monday. */
const FIRST_MONDAY_MS = 4 * 24 * 60 * MINUTE_MS;

/** Undefined while a window is open (or none is declared); else the instant at which the next one opens (X18). */
export function opensAt(windows: readonly ChangeWindow[], now: Instant): Instant | undefined {
  if (windows.length === 0) return undefined;
  const minute = Math.floor(((((now - FIRST_MONDAY_MS) / MINUTE_MS) % WEEK_MINUTES) + WEEK_MINUTES) % WEEK_MINUTES);
  if (windows.some((window) => isInside(window, minute))) return undefined;
  const wait = Math.min(...windows.map((window) => (window.fromMinute - minute + WEEK_MINUTES) % WEEK_MINUTES || WEEK_MINUTES));
  return Math.floor(now / MINUTE_MS) * MINUTE_MS + wait * MINUTE_MS;
}

/** A window may run over the end of the week. */
function isInside({ fromMinute, toMinute }: ChangeWindow, minute: number): boolean {
  return fromMinute <= toMinute ? fromMinute <= minute && minute < toMinute : fromMinute <= minute || minute < toMinute;
}
