/** Why a request may not pass for its schema pins, as an answer. Always a 4xx: it is no failure of the revision (R27). */
import type { PinDifference } from '../../domain/schema-pins.js';
import type { SchemaPins } from '../../domain/words.js';
import type { GuardEventKind } from '../events.js';
import type { Outcome } from '../outcome.js';
import { problem } from '../problem.js';
import { headersOf, inWords, PIN_HEADERS } from './schema-pins.js';

export type PinRefusal =
  | { readonly kind: 'pins-missing' | 'pins-invalid'; readonly headers: readonly string[] }
  | { readonly kind: 'pins-differ' | 'pins-loop'; readonly differences: readonly PinDifference[] };

const MISMATCHES: readonly GuardEventKind[] = ['pins-differ', 'pins-loop', 'pins-rerouted'];

/**
 * Whether a rollout must see the event while it climbs (R27). One that was carried counts as well: a candidate that hands its
 * users back to stable would look as good as stable. One without pins does not: any stray request could stop a rollout.
 */
export const isSchemaRefusal = (kind: GuardEventKind): boolean => MISMATCHES.includes(kind);

/** No 421 for the circle: clients, `fetch` among them, answer it by sending the request once more. */
const STATUS = { 'pins-missing': 428, 'pins-invalid': 400, 'pins-differ': 412, 'pins-loop': 412 } as const;

/** With the pins of this revision in its headers, so that the caller sees what it met. */
export function pinAnswer(refusal: PinRefusal, pins: SchemaPins, revision: string): Outcome {
  const more = 'headers' in refusal ? { headers: refusal.headers } : { differences: refusal.differences };
  const { title, detail } = wordsOf(refusal);
  return problem(refusal.kind, { status: STATUS[refusal.kind], title, detail }, headersOf(pins), { revision, ...more });
}

function wordsOf(refusal: PinRefusal): { readonly title: string; readonly detail: string } {
  switch (refusal.kind) {
    case 'pins-missing':
      return {
        title: 'Schema pins are missing',
        detail: `Every request needs ${Object.values(PIN_HEADERS).join(', ')}; missing: ${refusal.headers.join(', ')}.`,
      };
    case 'pins-invalid':
      return {
        title: 'Schema pins are invalid',
        detail: `Expected a whole number, or 1 to 256 printable characters without spaces, in ${refusal.headers.join(', ')}.`,
      };
    case 'pins-differ':
      return { title: 'Schema pins differ', detail: `Nothing was done. ${refusal.differences.map(inWords).join('; ')}.` };
    case 'pins-loop':
      return {
        title: 'Schema pins differ where they should match',
        detail: `Nothing was done. Another revision sent the request here, and it does not fit: ${refusal.differences.map(inWords).join('; ')}.`,
      };
  }
}
