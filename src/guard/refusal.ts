/** Why the guard lets a request not through. The guard's own words, never stored as a result. */

export type Refusal =
  /** R19: a write without a key could not be told from its own retry. */
  | { readonly kind: 'key-missing' }
  | { readonly kind: 'key-invalid'; readonly reason: string }
  /** The fingerprint needs the whole body, and this one is more than is read. */
  | { readonly kind: 'body-too-large'; readonly limitBytes: number }
  | { readonly kind: 'mismatch' }
  | { readonly kind: 'outstanding'; readonly retryMs: number }
  /** An earlier attempt began, nobody knows how it ended, and `onLost` is `reject`. */
  | { readonly kind: 'unknown' }
  /** This worker lost its claim while it worked: what it did is not sealed, so it is not acknowledged (X19). */
  | { readonly kind: 'superseded' }
  /** Fails closed. `effect: unknown` if the handler had run. */
  | { readonly kind: 'store-down'; readonly retryMs: number; readonly effect: 'none' | 'unknown' };

/** How a refusal reaches code that has no response to send, such as a job. */
export class Refused extends Error {
  override readonly name = 'Refused';

  constructor(readonly refusal: Refusal) {
    super(`the guard refused: ${refusal.kind}`);
  }

  /** After how many milliseconds the same call may succeed; undefined: never by repeating it. */
  get retryMs(): number | undefined {
    return 'retryMs' in this.refusal ? this.refusal.retryMs : undefined;
  }
}

/** Thrown by a handler or a job that knows that nothing happened: the key is free again, and its next run is a first one. */
export class NothingDone extends Error {
  override readonly name = 'NothingDone';
}
