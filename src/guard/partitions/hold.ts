/**
 * Holding a partition for as long as it may be held: join, renew, step back for a pause or a lowered cap, notice a loss, and
 * begin again.
 */
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { TimeLimit } from '../time-limit.js';
import { resolveHold, tell, type HoldOptions, type Said } from './hold-options.js';
import type { Joined, PartitionLease, Renewed } from './leases.js';
import { maxWorkersOf } from './policy.js';

export interface Held {
  readonly lease: PartitionLease;
  /** Aborted when no further job may begin: end, pause, lowered cap, or loss. */
  readonly leaving: AbortSignal;
  /** Aborted when the lease was lost: what is done from then on is refused at the fence. */
  readonly lost: AbortSignal;
}

/** Waits, and returns early when `signal` is aborted. */
export const pause = (ms: number, signal: AbortSignal): Promise<void> => sleep(ms, undefined, { signal }).catch(() => undefined);

/**
 * Calls `work` whenever the partition is held; the lease is left when it returns, which it does soon after `leaving`. Resolves
 * after `options.signal`; rejects with what `work` threw, and as `resolveHold` throws before any lease is asked for.
 */
export async function holdPartition(given: HoldOptions, work: (held: Held) => Promise<void>): Promise<void> {
  const options = resolveHold(given);
  const holding = new Holding(options);
  while (!options.signal.aborted) {
    const joined = await holding.join();
    if (joined.kind === 'joined') await holding.during(joined.lease, work);
    else await pause(joined.waitMs, options.signal);
  }
}

class Holding {
  readonly #options: ReturnType<typeof resolveHold>;
  readonly #worker: string;
  readonly #leaseMs: number;
  readonly #idleMs: number;
  readonly #limit: TimeLimit;
  #waitsFor: string | undefined;
  /** When the present lease was asked for: it may have begun then. */
  #askedAt = 0;

  constructor(options: ReturnType<typeof resolveHold>) {
    this.#options = options;
    const { worker = randomUUID(), leaseMs, idleMs } = options;
    this.#worker = worker;
    this.#leaseMs = leaseMs;
    this.#idleMs = idleMs;
    this.#limit = new TimeLimit(leaseMs / 3);
  }

  async join(): Promise<Exclude<Joined, { kind: 'waits' }> | { readonly kind: 'later'; readonly waitMs: number }> {
    const { leases, queue, partition, release, revision } = this.#options;
    const joining = { release, revision, worker: this.#worker, leaseMs: this.#leaseMs, maxWorkers: this.#maxWorkers() };
    // A lease that comes through after the limit is given back, or it would keep others out.
    const giveBack = (late: Joined): void => {
      if (late.kind === 'joined') void leases.leave(late.lease).catch(() => false);
    };
    this.#askedAt = performance.now();
    const joined = await this.#asked(() => leases.join({ queue, partition }, joining), giveBack);
    if (joined?.kind === 'joined') {
      this.#waitsFor = undefined;
      this.#tell({ kind: 'joined', epoch: joined.lease.epoch });
      return joined;
    }
    if (joined !== undefined && joined.why !== this.#waitsFor) {
      this.#waitsFor = joined.why;
      this.#tell({ kind: 'waits', why: joined.why });
    }
    const retryMs = joined === undefined || joined.why === 'paused' ? this.#idleMs : joined.retryMs;
    return { kind: 'later', waitMs: Math.max(Math.min(retryMs, this.#idleMs), 1) };
  }

  async during(lease: PartitionLease, work: (held: Held) => Promise<void>): Promise<void> {
    const leaving = new AbortController();
    const lost = new AbortController();
    const leave = (): void => {
      leaving.abort();
    };
    this.#options.signal.addEventListener('abort', leave);
    const stop = this.#beat(lease, leaving, lost);
    try {
      await work({ lease, leaving: leaving.signal, lost: lost.signal });
    } finally {
      stop();
      this.#options.signal.removeEventListener('abort', leave);
      // If the store is out of reach, the lease lapses by itself.
      if (!lost.signal.aborted && (await this.#asked(() => this.#options.leases.leave(lease))) === true)
        this.#tell({ kind: 'left', epoch: lease.epoch });
    }
  }

  /** Looks at the policy at every beat, and renews at the last one within a third of the lease. */
  #beat(lease: PartitionLease, leaving: AbortController, lost: AbortController): () => void {
    const renewMs = this.#leaseMs / 3;
    const beatMs = Math.max(Math.min(renewMs, this.#idleMs), 1);
    let renewedAt = this.#askedAt;
    let heldUntil = renewedAt + this.#leaseMs;
    const lose = (): void => {
      stop();
      this.#tell({ kind: 'lost', epoch: lease.epoch });
      lost.abort(new Error('the lease of the partition was lost: another worker may hold it'));
      leaving.abort();
    };
    const beat = async (): Promise<void> => {
      const maxWorkers = this.#maxWorkers();
      if (maxWorkers === 0) leaving.abort();
      const asked = performance.now();
      if (asked - renewedAt + beatMs <= renewMs) return;
      renewedAt = asked;
      const renewed: Renewed | undefined = await this.#asked(() => this.#options.leases.renew(lease, maxWorkers));
      if (isOver) return;
      if (renewed === 'held' || renewed === 'surplus') heldUntil = asked + this.#leaseMs;
      if (renewed === 'surplus') leaving.abort();
      if (renewed === 'lost' || performance.now() >= heldUntil) lose();
    };
    let isOver = false;
    const timer = setInterval(() => void beat(), beatMs);
    const stop = (): void => {
      isOver = true;
      clearInterval(timer);
    };
    return stop;
  }

  #maxWorkers(): number | undefined {
    return maxWorkersOf(this.#options.policy?.(), this.#options.flow);
  }

  /** Undefined: the store did not say within a third of the lease. */
  async #asked<T>(call: () => Promise<T>, late?: (value: T) => void): Promise<T | undefined> {
    try {
      return await this.#limit.within(call, late === undefined ? {} : { late });
    } catch (error) {
      this.#tell({ kind: 'store-error', error });
      return undefined;
    }
  }

  #tell(what: Said): void {
    tell(this.#options, what);
  }
}
