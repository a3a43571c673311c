/**
 * For how long an address has said nothing new. An answer from a cache, or from a process that hangs behind a proxy, carries
 * the same time again and again: its counts would read as an idle service. Measured on this process's monotonic clock, since
 * clocks of different machines are never compared (design.md §2); so a worker that has just taken over begins at 0.
 */
import type { Instant } from '../../domain/words.js';

export class Silence {
  readonly #newest = new Map<string, { readonly at: Instant; readonly sinceMs: number }>();

  constructor(private readonly monotonicMs: () => number) {}

  /** Milliseconds for which the address's own time has stood still, or gone backwards. */
  of(address: string, at: Instant): number {
    const now = this.monotonicMs();
    const newest = this.#newest.get(address);
    if (newest === undefined || at > newest.at) {
      this.#newest.set(address, { at, sinceMs: now });
      return 0;
    }
    return now - newest.sinceMs;
  }
}
