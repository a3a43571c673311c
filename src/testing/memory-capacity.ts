import type { Revision, Target } from '../domain/words.js';
import type { CapacityController, CapacityState } from '../providers/ports.js';

interface Pool {
  units: number;
  wanted: number;
  floor: number;
  /** How many more looks find it pending. */
  pending: number;
  failure: string | undefined;
}

/** A platform in memory: units come after as many looks as the test says, and an autoscaler can be played. */
export class MemoryCapacity implements CapacityController {
  readonly #pools = new Map<string, Pool>();

  /** @param pendingLooks how often `ensure` finds new units pending before they are ready */
  constructor(private readonly pendingLooks = 0) {}

  /** What runs at the start. */
  provide(target: Target, revision: Revision, units: number): void {
    Object.assign(this.#pool(target, revision), { units, wanted: units });
  }

  /** From now on `ensure` fails with this reason; undefined heals it. */
  fail(target: Target, revision: Revision, reason: string | undefined): void {
    this.#pool(target, revision).failure = reason;
  }

  /** An autoscaler takes idle units away, down to the floor (A21). */
  shrink(target: Target, revision: Revision, units: number): void {
    const pool = this.#pool(target, revision);
    pool.units = Math.min(pool.units, Math.max(units, pool.floor));
    pool.wanted = pool.units;
  }

  floor(target: Target, revision: Revision): number {
    return this.#pool(target, revision).floor;
  }

  units(target: Target, revision: Revision): Promise<number> {
    return Promise.resolve(this.#pool(target, revision).units);
  }

  ensure(target: Target, revision: Revision, units: number): Promise<CapacityState> {
    const pool = this.#pool(target, revision);
    if (pool.failure !== undefined) return Promise.resolve({ kind: 'failed', reason: pool.failure });
    if (units > pool.wanted) Object.assign(pool, { wanted: units, pending: this.pendingLooks });
    if (pool.pending > 0) {
      pool.pending--;
      return Promise.resolve({ kind: 'pending', units: pool.units });
    }
    pool.units = Math.max(pool.units, pool.wanted);
    return Promise.resolve({ kind: 'ready', units: pool.units });
  }

  holdFloor(target: Target, revision: Revision, units: number): Promise<void> {
    this.#pool(target, revision).floor = units;
    return Promise.resolve();
  }

  release(target: Target, revision: Revision): Promise<void> {
    Object.assign(this.#pool(target, revision), { units: 0, wanted: 0, floor: 0, pending: 0 });
    return Promise.resolve();
  }

  #pool({ environment, service }: Target, { id }: Revision): Pool {
    const key = `${environment}/${service}/${id}`;
    const pool = this.#pools.get(key) ?? { units: 0, wanted: 0, floor: 0, pending: 0, failure: undefined };
    this.#pools.set(key, pool);
    return pool;
  }
}
