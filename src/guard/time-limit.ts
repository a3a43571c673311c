/** A store that does not answer must not hang the request. */

export class StoreTimeout extends Error {
  override readonly name = 'StoreTimeout';
}

interface Waiting {
  readonly until: number;
  readonly fail: (error: StoreTimeout) => void;
}

/** Calls with one limit run out in the order in which they began, so one timer serves them all. */
export class TimeLimit {
  readonly #waiting = new Set<Waiting>();
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
      const waiting: Waiting = { until: performance.now() + this.ms, fail };
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
    this.#waiting.add(waiting);
    if (this.#timer === undefined) this.#arm(this.ms);
    // A process whose only hope is an answer lives until the limit, and one that waits for none may end.
    else if (this.#waiting.size === 1) this.#timer.ref();
  }

  /** False: its time had run out before. */
  #isOver(waiting: Waiting): boolean {
    const wasWaiting = this.#waiting.delete(waiting);
    if (this.#waiting.size === 0) this.#timer?.unref();
    return wasWaiting;
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
    for (const waiting of this.#waiting) {
      if (waiting.until > now) {
        this.#arm(waiting.until - now);
        break;
      }
      this.#waiting.delete(waiting);
      late.push(waiting);
    }
    // Whoever is told may call again at once, and must find the timer as it is to be.
    for (const { fail } of late) fail(new StoreTimeout(`the store did not answer within ${String(this.ms)} ms`));
  }
}
