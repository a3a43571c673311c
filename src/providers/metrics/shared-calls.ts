/** Calls for the same thing that begin together are one call. */
import { transient } from '../errors.js';

interface UnderWay<T> {
  readonly beganMs: number;
  readonly answer: Promise<T>;
  readonly stop: AbortController;
  waiting: number;
}

export class SharedCalls<T> {
  readonly #underWay = new Map<string, UnderWay<T>>();

  constructor(private readonly monotonicMs: () => number) {}

  /**
   * Waits for the call of this key that is under way and began at most `withinMs` ago, or begins one. Whoever's signal aborts
   * stops waiting; the call is given up with the last of them. What has been answered is not shared any more.
   */
  async call(key: string, withinMs: number, signal: AbortSignal, begin: (stop: AbortSignal) => Promise<T>): Promise<T> {
    const now = this.monotonicMs();
    const known = this.#underWay.get(key);
    const shared = known !== undefined && withinMs > 0 && now - known.beganMs <= withinMs ? known : this.#begin(key, now, begin);
    shared.waiting++;
    let leave = (): void => undefined;
    const left = new Promise<never>((_resolve, reject) => {
      leave = () => {
        shared.waiting--;
        if (shared.waiting > 0) {
          reject(transient('gave up reading: the caller aborted'));
          return;
        }
        // Its own error says what was given up; nobody may join it any more.
        this.#forget(key, shared);
        shared.stop.abort();
      };
      if (signal.aborted) leave();
      else signal.addEventListener('abort', leave, { once: true });
    });
    try {
      return await Promise.race([shared.answer, left]);
    } finally {
      signal.removeEventListener('abort', leave);
    }
  }

  #begin(key: string, beganMs: number, begin: (stop: AbortSignal) => Promise<T>): UnderWay<T> {
    const stop = new AbortController();
    const call: UnderWay<T> = { beganMs, stop, waiting: 0, answer: begin(stop.signal) };
    this.#underWay.set(key, call);
    const over = (): void => {
      this.#forget(key, call);
    };
    call.answer.then(over, over);
    return call;
  }

  #forget(key: string, call: UnderWay<T>): void {
    if (this.#underWay.get(key) === call) this.#underWay.delete(key);
  }
}
