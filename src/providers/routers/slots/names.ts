/** Names and spellings that a router with two slots and its adapter must agree on. */
import { isSlot, SLOTS, type Revision, type Slot } from '../../../domain/words.js';
import { permanent } from '../../errors.js';

export const CONTROL_PATH = '/route';
/** Answered by the router itself on the users' port, and not in its log. */
export const ECHO_PATH = '/.well-known/sluice-route';
/** A service without a rollout: no candidate, no weight, no ramp. */
export const NO_ROUTE = '-:0:off:none.0';
/** Where the map `releases` has nothing. */
export const NO_RELEASE = '-';
/** Readers of the log take no more. */
export const LONGEST_RELEASE = 128;
export const LONGEST_OWNER = 512;

/** Where a router has slots, the slot's name may stand for the revision's id. */
export function slotOf(revision: Revision): Slot {
  const slot = revision.slot ?? revision.id;
  if (isSlot(slot)) return slot;
  throw permanent(`revision "${revision.id}" has the slot "${slot}"; this router knows ${SLOTS.join(' and ')}`);
}

/**
 * Releases and owners are anybody's text; in a map they must be one word that cannot break a command, a line or the log's
 * JSON. Everything else is percent-encoded, so that ordinary ids read as they are.
 */
export function encodeWord(text: string, longest: number): string {
  const word = encodeURIComponent(text)
    .replace(/[!'()*]/g, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`)
    .replace(/%(?:2F|3A|40|2B|3D|2C)/g, decodeURIComponent);
  if (word === '' || word.length > longest) {
    throw permanent(
      `"${text.slice(0, 80)}": expected 1 to ${String(longest)} characters, other than letters and digits counted as three`,
    );
  }
  return word;
}

/** A file may have been edited by hand: what was never encoded is taken as it is. */
export function decodeWord(word: string): string {
  try {
    return decodeURIComponent(word);
  } catch {
    return word;
  }
}
