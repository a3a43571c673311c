import { transient } from '../errors.js';

/**
 * At most so many calls at a time, the others in the order in which they came. A router that hundreds ask at once answers none of
 * them in time, and each of their next tries takes the time of others. Who gets no turn in time has done nothing.
 */
export class Turns {
  readonly #waiting = new Set<() => void>();
  #free: number;

  constructor(
    atOnce: number,
    /** How long one waits for a turn, by the monotonic clock: a process that was stopped meanwhile has waited too long (I7). */
    private readonly patienceMs: number,
  ) {
    this.#free = atOnce;
  }

  async run<T>(what: string, task: () => Promise<T>): Promise<T> {
    const asked = performance.now();
    await this.#turn(what);
    try {
      if (performance.now() - asked > this.patienceMs) throw this.#tooLate(what);
      return await task();
    } finally {
      this.#leave();
    }
  }

  #turn(what: string): Promise<void> {
    if (this.#free > 0) {
      this.#free -= 1;
      return Promise.resolve();
    }
    return new Promise((resolve, reject) => {
      const begin = (): void => {
        clearTimeout(timer);
        resolve();
      };
      const timer = setTimeout(() => {
        this.#waiting.delete(begin);
        reject(this.#tooLate(what));
      }, this.patienceMs);
      this.#waiting.add(begin);
    });
  }

  #leave(): void {
    const [next] = this.#waiting;
    if (next === undefined) {
      this.#free += 1;
      return;
    }
    this.#waiting.delete(next);
    next();
  }

  #tooLate(what: string): Error {
    return transient(
      `${what}: no turn within ${String(this.patienceMs)} ms behind other rollouts' calls to this router; nothing was written`,
    );
  }
}
