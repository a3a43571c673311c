/** What the guard counts. A sink turns these into metrics (R32); one that throws harms no request. */
export type GuardEventKind =
  | 'executed'
  | 'replayed'
  | 'outstanding'
  | 'mismatch'
  | 'unknown'
  /** A further attempt runs after one that was lost. */
  | 'takeover'
  | 'superseded'
  | 'key-missing'
  | 'key-invalid'
  | 'body-too-large'
  | 'store-error'
  | 'store-down'
  | 'failed-open';

export interface GuardEvent {
  readonly kind: GuardEventKind;
  readonly route: string;
  /** True: this is what would have happened; in `observe` nothing is changed. */
  readonly observed: boolean;
  readonly error?: unknown;
}

export type GuardEvents = (event: GuardEvent) => void;
