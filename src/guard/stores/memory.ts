/** For one process and for tests: what it knows dies with the process, so it keeps no promise across a restart. */
import type { StoreKey } from '../keys.js';
import type { StoredRecord } from '../record.js';
import type { Claim, Claimed, Store } from '../store.js';

interface Entry {
  readonly fingerprint: string;
  readonly attempt: number;
  /** Empty: nobody holds it. */
  readonly token: string;
  readonly leaseUntil: number;
  readonly keepUntil: number;
  readonly record?: StoredRecord;
}

/** So many claims lie between two sweeps for what is past its retention, or more where more is kept. */
const SWEEP_EVERY = 1_024;

export class MemoryStore implements Store {
  readonly #entries = new Map<StoreKey, Entry>();
  readonly #now: () => number;
  /** As many as the last sweep left, so that what a claim pays for sweeping does not grow with what is kept. */
  #claimsToSweep = SWEEP_EVERY;

  /** `now` is in milliseconds; a monotonic clock unless told. */
  constructor({ now = () => performance.now() }: { readonly now?: () => number } = {}) {
    this.#now = now;
  }

  /** Scopes remembered, those past their retention and not yet swept included. */
  get size(): number {
    return this.#entries.size;
  }

  claim(key: StoreKey, { fingerprint, token, leaseMs, retainMs }: Claim): Promise<Claimed> {
    const now = this.#now();
    if (--this.#claimsToSweep === 0) this.#sweep(now);
    const known = this.#living(key, now);
    if (known !== undefined) {
      if (known.fingerprint !== fingerprint) return Promise.resolve({ kind: 'mismatch' });
      if (known.record !== undefined) return Promise.resolve({ kind: 'done', record: known.record });
      if (known.leaseUntil > now) return Promise.resolve({ kind: 'busy', retryMs: known.leaseUntil - now });
    }
    const attempt = (known?.attempt ?? 0) + 1;
    const keepUntil = Math.max(known?.keepUntil ?? 0, now + retainMs);
    this.#entries.set(key, { fingerprint, attempt, token, leaseUntil: now + leaseMs, keepUntil });
    return Promise.resolve({ kind: 'claimed', attempt });
  }

  renew(key: StoreKey, token: string, leaseMs: number): Promise<boolean> {
    return this.#change(key, token, (entry, now) =>
      entry.record === undefined ? { ...entry, leaseUntil: now + leaseMs } : undefined,
    );
  }

  complete(key: StoreKey, token: string, record: StoredRecord, retainMs: number): Promise<boolean> {
    return this.#change(key, token, (entry, now) => ({ ...entry, record, keepUntil: now + retainMs }));
  }

  release(key: StoreKey, token: string, effect: 'unknown' | 'none'): Promise<boolean> {
    return this.#change(key, token, (entry) => {
      if (entry.record !== undefined) return undefined;
      const attempt = effect === 'none' ? entry.attempt - 1 : entry.attempt;
      return { ...entry, token: '', leaseUntil: 0, attempt, ...(attempt === 0 ? { keepUntil: 0 } : {}) };
    });
  }

  #change(key: StoreKey, token: string, to: (entry: Entry, now: number) => Entry | undefined): Promise<boolean> {
    const now = this.#now();
    const entry = this.#living(key, now);
    const next = entry?.token === token ? to(entry, now) : undefined;
    if (next !== undefined) this.#entries.set(key, next);
    return Promise.resolve(next !== undefined);
  }

  #living(key: StoreKey, now: number): Entry | undefined {
    const entry = this.#entries.get(key);
    return entry !== undefined && entry.keepUntil > now ? entry : undefined;
  }

  #sweep(now: number): void {
    for (const [key, { keepUntil }] of this.#entries) if (keepUntil <= now) this.#entries.delete(key);
    this.#claimsToSweep = Math.max(this.#entries.size, SWEEP_EVERY);
  }
}
