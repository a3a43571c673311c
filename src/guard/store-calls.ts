/** The store as one run uses it: within a time limit, and with every failure counted. */
import type { GuardEventKind } from './events.js';
import type { StoreKey } from './keys.js';
import type { StoredRecord } from './record.js';
import type { Refusal } from './refusal.js';
import type { Claim, Claimed, Store } from './store.js';
import type { TimeLimit } from './time-limit.js';

export class StoreCalls {
  constructor(
    private readonly store: Store,
    private readonly limit: TimeLimit,
    readonly count: (kind: GuardEventKind, error?: unknown) => void,
  ) {}

  /** A claim that comes through after the limit is given back: nobody runs on it, so it must not count as an attempt. */
  claim(key: StoreKey, claim: Claim): Promise<Claimed> {
    const giveBack = (late: Claimed): void => {
      if (late.kind === 'claimed') void this.release(key, claim.token, 'none').catch(() => false);
    };
    return this.limit.within(() => this.store.claim(key, claim), { late: giveBack, failed: this.#failed });
  }

  renew(key: StoreKey, token: string, leaseMs: number): Promise<boolean> {
    return this.#counted(() => this.store.renew(key, token, leaseMs));
  }

  /** Tried twice: it is idempotent, and the effect has happened already. */
  complete(key: StoreKey, token: string, record: StoredRecord, retainMs: number): Promise<boolean> {
    const once = (): Promise<boolean> => this.#counted(() => this.store.complete(key, token, record, retainMs));
    return once().catch(once);
  }

  release(key: StoreKey, token: string, effect: 'unknown' | 'none'): Promise<boolean> {
    return this.#counted(() => this.store.release(key, token, effect));
  }

  storeDown(effect: 'none' | 'unknown'): Refusal {
    return { kind: 'store-down', retryMs: this.limit.ms, effect };
  }

  #counted(call: () => Promise<boolean>): Promise<boolean> {
    return this.limit.within(call, { failed: this.#failed });
  }

  readonly #failed = (error: unknown): void => {
    this.count('store-error', error);
  };
}
