import { transient } from '../../errors.js';

/**
 * The time that one call may take, by the monotonic clock, which goes on while a process is stopped.
 *
 * HAProxy fences late writes of older ramps, but not a late finalise, a late move of the fence, or an older sequence of the
 * same ramp. So nothing that changes the router may be sent after the call's deadline: a worker that wakes up after a minute
 * must find that its time is over (I7). A call that ran out of time has an unknown outcome.
 */
export class Deadline {
  readonly #end: number;

  constructor(
    readonly totalMs: number,
    readonly what: string,
  ) {
    this.#end = performance.now() + totalMs;
  }

  leftMs(): number {
    return this.#end - performance.now();
  }

  /** To be called directly before each step that changes something. */
  check(): void {
    if (this.leftMs() <= 0) throw this.passed();
  }

  passed(): Error {
    return transient(
      `${this.what}: no end within ${String(this.totalMs)} ms; the outcome is unknown, so read before you conclude`,
    );
  }

  /** A shorter deadline inside this one. */
  within(ms: number): Deadline {
    return new Deadline(Math.max(0, Math.min(ms, this.leftMs())), this.what);
  }
}
