/** A guard on memory whose clock and whose faults the test commands. */
import { Guard } from '../../src/guard/guard.js';
import type { GuardEvent } from '../../src/guard/events.js';
import type { Outcome } from '../../src/guard/outcome.js';
import type { RunSpec } from '../../src/guard/spec.js';
import type { Claim, Claimed, Store } from '../../src/guard/store.js';
import type { StoreKey } from '../../src/guard/keys.js';
import type { StoredRecord } from '../../src/guard/record.js';
import { MemoryStore } from '../../src/guard/stores/memory.js';

/** `fails` rejects, `hangs` never answers, `late` does it and answers only when `answer()` is called. */
type Fault = 'fails' | 'fails once' | 'hangs' | 'late';

export class FaultyStore implements Store {
  readonly faults: { [name in keyof Store]?: Fault | undefined } = {};
  readonly calls: string[] = [];
  /** Of each claim. */
  readonly fingerprints: string[] = [];
  readonly #late: (() => void)[] = [];

  constructor(readonly inner: Store) {}

  answer(): void {
    for (const resolve of this.#late.splice(0)) resolve();
  }

  claim(key: StoreKey, claim: Claim): Promise<Claimed> {
    this.fingerprints.push(claim.fingerprint);
    return this.#call('claim', () => this.inner.claim(key, claim));
  }
  renew(key: StoreKey, token: string, leaseMs: number): Promise<boolean> {
    return this.#call('renew', () => this.inner.renew(key, token, leaseMs));
  }
  complete(key: StoreKey, token: string, record: StoredRecord, retainMs: number): Promise<boolean> {
    return this.#call('complete', () => this.inner.complete(key, token, record, retainMs));
  }
  release(key: StoreKey, token: string, effect: 'unknown' | 'none'): Promise<boolean> {
    return this.#call('release', () => this.inner.release(key, token, effect));
  }

  async #call<T>(name: keyof Store, call: () => Promise<T>): Promise<T> {
    this.calls.push(name);
    const fault = this.faults[name];
    if (fault === 'fails once') this.faults[name] = undefined;
    if (fault === 'fails' || fault === 'fails once') throw new Error('the store is away');
    if (fault === 'hangs') return new Promise(() => undefined);
    const answer = await call();
    if (fault === 'late') await new Promise<void>((resolve) => this.#late.push(resolve));
    return answer;
  }
}

export interface Bench {
  readonly guard: Guard;
  readonly store: FaultyStore;
  readonly events: GuardEvent[];
  /** Lets time pass by the store's clock. */
  readonly pass: (ms: number) => void;
  /** What was counted, in order. */
  readonly kinds: () => string[];
}

export function bench(options: { readonly revision?: string; readonly storeTimeoutMs?: number } = {}): Bench {
  let now = 0;
  const store = new FaultyStore(new MemoryStore({ now: () => now }));
  const events: GuardEvent[] = [];
  const guard = new Guard({
    store,
    revision: options.revision ?? 'green',
    storeTimeoutMs: options.storeTimeoutMs ?? 200,
    onEvent: (event) => events.push(event),
  });
  return { guard, store, events, pass: (ms) => void (now += ms), kinds: () => events.map(({ kind }) => kind) };
}

export const spec = (change: Partial<RunSpec> = {}): RunSpec => ({
  scope: { tenant: 'acme', method: 'POST', route: '/orders', key: 'k-1' },
  fingerprint: 'v1:a',
  ...change,
});

export const outcome = (status = 201, text = 'made', headers: Record<string, string> = {}): Outcome => ({
  status,
  headers: { 'content-type': 'text/plain', ...headers },
  body: { kind: 'bytes', bytes: Buffer.from(text) },
});

export const textOf = (body: Outcome['body']): string =>
  body.kind === 'bytes' ? Buffer.from(body.bytes).toString() : `(${body.kind})`;

/** A promise and the means to settle it. */
export function gate<T = void>(): { readonly opened: Promise<T>; readonly open: (value: T) => void } {
  let open: (value: T) => void = () => undefined;
  const opened = new Promise<T>((resolve) => {
    open = resolve;
  });
  return { opened, open };
}
