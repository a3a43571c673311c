/**
 * The cookies of the edge: `uid`, a random id of users who have none; `relpin`, which brings a stream's reconnect back (A17); and
 * `relwas`, by which a user who was on the candidate is known again (R18).
 */
import type { Slot } from '../../domain/words.js';

/** The value of the first cookie of that name. */
export function cookieValue(header: string | undefined, name: string): string | undefined {
  for (const pair of header?.split(';') ?? []) {
    const [key = '', ...value] = pair.split('=');
    if (key.trim() === name) return value.join('=').trim();
  }
  return undefined;
}

export const uidCookie = (uid: string): string => `uid=${uid}; Path=/; Max-Age=31536000; HttpOnly; SameSite=Lax`;

/** Carries its ramp, and is ignored in every other: a plain release cookie kept users on the candidate of the next ramp (A17). */
export const relpinCookie = (ramp: string, slot: Slot): string =>
  `relpin=${ramp}.${slot}; Path=/; Max-Age=600; HttpOnly; SameSite=Lax`;

/** Decides nothing: it tells that the candidate has answered this user in this ramp. */
export const relwasCookie = (mark: string): string => `relwas=${mark}; Path=/; Max-Age=600; HttpOnly; SameSite=Lax`;

/** Whoever left is counted once. */
export const NO_RELWAS = 'relwas=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax';
