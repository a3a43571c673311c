/** What the guard counts. A sink turns these into metrics (R32); one that throws harms no request. */
export const GUARD_EVENT_KINDS = [
  'executed',
  'replayed',
  'outstanding',
  'mismatch',
  'unknown',
  /** A further attempt runs after one that was lost. */
  'takeover',
  'superseded',
  /** Where `onLost` is `reexecute`, an attempt ended after another had run in its place: both may have had their effect. */
  'duplicate-effect',
  'key-missing',
  'key-invalid',
  'body-too-large',
  /** In `observe`: the request could not be looked at, for example because it has no tenant. It ran as before. */
  'unobserved',
  'store-error',
  'store-down',
  'failed-open',
  /** The release record could not be read once more; the last one goes on to hold. Its `route` is `release`. */
  'release-unreadable',
  /** Schema pins (R24): a request without all three, or with one that is none. */
  'pins-missing',
  'pins-invalid',
  /** This revision cannot serve what the request was made for, and no other is known that can (R25). */
  'pins-differ',
  /** It was sent here as the matching revision, and does not match. */
  'pins-loop',
  /** Carried to the revision that matches. */
  'pins-rerouted',
  /** Carried to the revision that its signed pin names (A17). */
  'pin-followed',
] as const;

export type GuardEventKind = (typeof GUARD_EVENT_KINDS)[number];

export interface GuardEvent {
  readonly kind: GuardEventKind;
  readonly route: string;
  /** True: this is what would have happened; in `observe` nothing is changed. */
  readonly observed: boolean;
  readonly error?: unknown;
}

/** The route of what is asked, or goes wrong, before a request has one. */
export const EVERY_ROUTE = '*';

export type GuardEvents = (event: GuardEvent) => void;

/** Tells a sink; one that throws must change nothing of what it only counts. */
export function emit<Event>(sink: ((event: Event) => void) | undefined, event: Event): void {
  try {
    sink?.(event);
  } catch {
    // A metric that cannot be counted harms no request, no lease and no reading.
  }
}
