/** How a test's service behaves, and which of its requests fail. */
import type { RequestKind } from './service-ledger.js';

export interface ServiceIdentity {
  /** What `/` answers, for people: `answer-api green`. */
  readonly name: string;
  readonly releaseId: string;
  readonly revision: string;
  readonly schemaPins: { readonly schemaRev: number; readonly indexHash: string; readonly modelTag: string };
  readonly port: number;
}

export type Errors = {
  /** 500 unless told. */
  readonly status?: number;
  /** Whom they hit; everybody unless told. */
  readonly kinds?: readonly RequestKind[];
} & (
  | { readonly kind: 'none' }
  /** Evenly spread and the same in every run: of 1,000 requests exactly `share` × 1,000 fail. */
  | { readonly kind: 'even'; readonly share: number }
  /** As in life; the number of failures varies from run to run. */
  | { readonly kind: 'random'; readonly share: number }
  /** Healthy up to a load, then failing: the candidate that collapses at 25–50 % (R36). */
  | { readonly kind: 'saturated'; readonly abovePerSecond: number; readonly share: number }
);

export interface Behaviour {
  readonly errors: Errors;
  readonly latencyMs: number;
  /** Added to the latency, uniformly from 0. */
  readonly jitterMs: number;
  /** What the identity endpoint says of itself. */
  readonly ready: boolean;
}

export const HEALTHY: Behaviour = { errors: { kind: 'none' }, latencyMs: 0, jitterMs: 0, ready: true };

/** The status that a request gets. `number` counts the requests of its kind from 1. */
export function decideError(errors: Errors, kind: RequestKind, number: number, perSecond: number): number {
  if (errors.kinds !== undefined && !errors.kinds.includes(kind)) return 200;
  return fails(errors, number, perSecond) ? (errors.status ?? 500) : 200;
}

function fails(errors: Errors, number: number, perSecond: number): boolean {
  switch (errors.kind) {
    case 'none':
      return false;
    case 'even':
      return isHit(number, errors.share);
    case 'random':
      return Math.random() < errors.share;
    case 'saturated':
      return perSecond > errors.abovePerSecond && isHit(number, errors.share);
  }
}

/** True for the numbers at which the running count of failures steps up. */
function isHit(number: number, share: number): boolean {
  return Math.floor(number * share + 1e-9) > Math.floor((number - 1) * share + 1e-9);
}

/** Requests within the last second. */
export class RecentRate {
  readonly #moments: number[] = [];

  /** Counts one request at `nowMs` and says how many there were since a second before. */
  count(nowMs: number): number {
    this.#moments.push(nowMs);
    while ((this.#moments[0] ?? nowMs) <= nowMs - 1_000) this.#moments.shift();
    return this.#moments.length;
  }
}
