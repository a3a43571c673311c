/** A store that does not answer must not hang the request. */

export class StoreTimeout extends Error {
  override readonly name = 'StoreTimeout';
}

/** One of a list, which is in the order in which they began. */
interface Waiting {
  readonly until: number;
  readonly fail: (error: StoreTimeout) => void;
  isOver: boolean;
  before: Waiting | undefined;
  after: Waiting | undefined;
}

/** Calls with one limit run out in the order in which they began, so one timer serves them all. */
export class TimeLimit {
  /**
   * Linked by themselves, and unlinked without a trace. In a `Set` each table that was outgrown goes on pointing to the next one,
   * so that whatever passed through it outlives the collector's cheap runs: that was a third of what a call costs.
   */
  #first: Waiting | undefined;
  #last: Waiting | undefined;
  #timer: NodeJS.Timeout | undefined;

  /** In milliseconds. */
  constructor(readonly ms: number) {}

  /**
   * Rejects with `StoreTimeout`, or as the call does. `failed` is told of either, and `late` gets what comes after the limit, so
   * that a claim nobody waits for can be given back.
   */
  within<T>(
    call: () => Promise<T>,
    { late, failed }: { readonly late?: (value: T) => void; readonly failed?: (error: unknown) => void } = {},
  ): Promise<T> {
    return new Promise((resolve, reject) => {
      const fail = (error: unknown): void => {
        failed?.(error);
        reject(error instanceof Error ? error : new Error(String(error)));
      };
      const waiting: Waiting = { until: performance.now() + this.ms, fail, isOver: false, before: this.#last, after: undefined };
      this.#wait(waiting);
      const failNow = (error: unknown): void => {
        if (this.#isOver(waiting)) fail(error);
      };
      try {
        call().then((value) => {
          if (this.#isOver(waiting)) resolve(value);
          else late?.(value);
        }, failNow);
      } catch (error) {
        // Somebody's own store may throw before it returns, or return no promise.
        failNow(error);
      }
    });
  }

  #wait(waiting: Waiting): void {
    const { before } = waiting;
    if (before === undefined) this.#first = waiting;
    else before.after = waiting;
    this.#last = waiting;
    if (this.#timer === undefined) this.#arm(this.ms);
    // A process whose only hope is an answer lives until the limit, and one that waits for none may end.
    else if (before === undefined) this.#timer.ref();
  }

  /** False: its time had run out before. */
  #isOver(waiting: Waiting): boolean {
    if (waiting.isOver) return false;
    this.#remove(waiting);
    if (this.#first === undefined) this.#timer?.unref();
    return true;
  }

  #remove(waiting: Waiting): void {
    const { before, after } = waiting;
    if (before === undefined) this.#first = after;
    else before.after = after;
    if (after === undefined) this.#last = before;
    else after.before = before;
    waiting.isOver = true;
    waiting.before = undefined;
    waiting.after = undefined;
  }

  #arm(ms: number): void {
    this.#timer = setTimeout(() => {
      this.#runOut();
    }, ms);
  }

  #runOut(): void {
    this.#timer = undefined;
    const now = performance.now();
    const late: Waiting[] = [];
    for (let first = this.#first; first !== undefined && first.until <= now; first = this.#first) {
      this.#remove(first);
      late.push(first);
    }
    if (this.#first !== undefined) this.#arm(this.#first.until - now);
    // Whoever is told may call again at once, and must find the timer as it is to be.
    for (const { fail } of late) fail(new StoreTimeout(`the store did not answer within ${String(this.ms)} ms`));
  }
}
