import type { Clock } from '../../src/activities/dependencies.js';

interface Timer {
  readonly at: number;
  readonly fire: () => void;
}

/**
 * Time that passes only when nothing else can happen: hours of supervision run in milliseconds, and always in the same order.
 * Works for code that waits for this clock and for nothing of the real world.
 */
export class SimulatedClock implements Clock {
  #ms = 0;
  #timers: Timer[] = [];
  /** What `now` says at monotonic 0. */
  readonly #epoch: number;

  constructor(epoch = 1_800_000_000_000) {
    this.#epoch = epoch;
  }

  now(): number {
    return this.#epoch + this.#ms;
  }

  monotonicMs(): number {
    return this.#ms;
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    if (signal?.aborted === true) return Promise.resolve();
    return new Promise((resolve) => {
      const fire = (): void => {
        this.#timers = this.#timers.filter((other) => other !== timer);
        signal?.removeEventListener('abort', fire);
        resolve();
      };
      const timer: Timer = { at: this.#ms + Math.max(0, ms), fire };
      this.#timers.push(timer);
      signal?.addEventListener('abort', fire, { once: true });
    });
  }

  /** Something that happens at a time, such as a cancellation. */
  at(ms: number, what: () => void): void {
    const fire = (): void => {
      this.#timers = this.#timers.filter((other) => other !== timer);
      what();
    };
    const timer: Timer = { at: ms, fire };
    this.#timers.push(timer);
  }

  /** Lets time pass until `promise` has settled. Throws when nothing is left that could settle it. */
  async run<T>(promise: Promise<T>): Promise<T> {
    const state = { settled: false };
    const outcome = promise.finally(() => {
      state.settled = true;
    });
    outcome.catch(() => undefined);
    for (;;) {
      await quiet();
      if (state.settled) return outcome;
      const next = this.#timers.reduce<Timer | undefined>(
        (first, timer) => (first === undefined || timer.at < first.at ? timer : first),
        undefined,
      );
      if (next === undefined) throw new Error(`nothing will happen any more at ${this.#ms} ms`);
      this.#ms = Math.max(this.#ms, next.at);
      next.fire();
    }
  }

  /** Timers that nobody ended: a leak, once everything is over. */
  get pending(): number {
    return this.#timers.length;
  }
}

/** Until every promise that can go on has gone on. */
async function quiet(): Promise<void> {
  for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setImmediate(resolve));
}
