/**
 * What becomes of a request by its headers, decided before anything is claimed: it is served here, carried to the revision that
 * it belongs to, or refused. Schema pins come before stickiness (A16).
 */
import { misfits } from '../../domain/schema-pins.js';
import type { SchemaPins } from '../../domain/words.js';
import { emit, EVERY_ROUTE, type GuardEventKind, type GuardEvents } from '../events.js';
import { checkOptions, needed, oneOf, optional, type Wants } from '../options.js';
import type { Outcome } from '../outcome.js';
import { pinAnswer, type PinRefusal } from './refusal.js';
import { headersOf, parsePins, type ReadHeader } from './schema-pins.js';

/** Says that a request was carried here by another revision. It is carried once: a second time would be a circle. */
export const HOP_HEADER = 'x-release-hop';

/** Where a revision can be reached past the weights. */
export interface RevisionTarget {
  readonly revision: string;
  /** Its own address, or the router's together with the headers that pin. Only the origin counts; a request keeps its path. */
  readonly url: string;
  /** Added to what is carried, for example `{ 'x-release': 'green', 'x-release-token': … }`. */
  readonly headers?: Readonly<Record<string, string>>;
}

export interface PinOptions {
  /** Of this revision. */
  readonly pins: SchemaPins;
  readonly revision: string;
  /** The revision that serves exactly these pins, as the release record knows it. Without it, who does not fit is refused. */
  readonly matching?: ((pins: SchemaPins) => RevisionTarget | undefined) | undefined;
  /** Where a request that fits belongs all the same, for example by its signed pin: see `readPin`. */
  readonly follow?: ((read: ReadHeader) => RevisionTarget | undefined) | undefined;
  readonly onEvent?: GuardEvents | undefined;
  /** `observe` counts what would have been refused or carried on, and serves it here. */
  readonly mode?: 'enforce' | 'observe' | undefined;
}

export type Admission =
  | { readonly kind: 'admitted' }
  | { readonly kind: 'elsewhere'; readonly target: RevisionTarget }
  | { readonly kind: 'refused'; readonly outcome: Outcome };

export interface PinGate {
  readonly admit: (read: ReadHeader) => Admission;
  /** For every answer that is given here. */
  readonly stamp: Readonly<Record<string, string>>;
}

const ADMITTED = { kind: 'admitted' } as const;
const PIN_WANTS = {
  pins: needed('object', 'the schema pins of this revision'),
  revision: needed('text', 'the revision that runs here'),
  matching: optional('function', 'a function from pins to the revision that serves them'),
  follow: optional('function', 'a function from headers to the revision that the request belongs to'),
  onEvent: optional('function'),
  mode: oneOf('enforce', 'observe'),
};

/** `more`: options of an adapter besides. Throws `TypeError` for options that cannot be meant, and for pins that no header can carry. */
export function pinGate<Options extends PinOptions>(
  options: Options,
  more = {} as Wants<Omit<Options, keyof PinOptions>>,
): PinGate {
  checkOptions('a pin gate', options, { ...PIN_WANTS, ...more } as Wants<Options>);
  const { pins, revision, matching, follow, onEvent, mode = 'enforce' } = options;
  const stamp = headersOf(pins);
  const isObserving = mode === 'observe';

  const count = (kind: GuardEventKind): void => {
    emit(onEvent, { kind, route: EVERY_ROUTE, observed: isObserving });
  };
  const carry = (target: RevisionTarget, kind: GuardEventKind): Admission => {
    count(kind);
    return isObserving ? ADMITTED : { kind: 'elsewhere', target };
  };
  const refuse = (refusal: PinRefusal): Admission => {
    count(refusal.kind);
    return isObserving ? ADMITTED : { kind: 'refused', outcome: pinAnswer(refusal, pins, revision) };
  };

  return {
    stamp,
    admit: (read) => {
      const parsed = parsePins(read);
      if (parsed.kind !== 'pins') return refuse({ kind: `pins-${parsed.kind}`, headers: parsed.headers });
      const hasHopped = read(HOP_HEADER) !== undefined;
      const differences = misfits(parsed.pins, pins);
      if (differences.length > 0) {
        if (hasHopped) return refuse({ kind: 'pins-loop', differences });
        const target = matching?.(parsed.pins);
        if (target === undefined || target.revision === revision) return refuse({ kind: 'pins-differ', differences });
        return carry(target, 'pins-rerouted');
      }
      const home = hasHopped ? undefined : follow?.(read);
      return home === undefined || home.revision === revision ? ADMITTED : carry(home, 'pin-followed');
    },
  };
}
