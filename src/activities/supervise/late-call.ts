import type { Clock } from '../dependencies.js';
import { upTo, within, type Meanwhile } from '../waiting.js';

export type Outcome<T> =
  { readonly kind: 'value'; readonly value: T; readonly at: number } | { readonly kind: 'error'; readonly error: unknown };

/**
 * A call repeated at every tick that may be slow or hang, at most one under way. A slow one is not waited for: what it brings
 * is taken at a later tick, so that one slow source never delays another gate's verdict (design.md §4). After `deadlineMs` it
 * is given up and may be started again.
 */
export class LateCall<T> {
  readonly #clock: Clock;
  readonly #windowMs: number;
  readonly #deadlineMs: number;
  #underWay: Promise<void> | undefined;
  #outcome: Outcome<T> | undefined;
  /** Whether the last call came inside the window; who was late before is not waited for again. */
  #prompt = true;

  constructor(clock: Clock, limits: { readonly windowMs: number; readonly deadlineMs: number }) {
    this.#clock = clock;
    this.#windowMs = limits.windowMs;
    this.#deadlineMs = limits.deadlineMs;
  }

  /** Starts the call unless one is under way. An abort of `outer` ends it. */
  start(call: (signal: AbortSignal) => Promise<T>, outer: AbortSignal): void {
    if (this.#underWay !== undefined) return;
    const begun = this.#clock.monotonicMs();
    this.#underWay = within(this.#clock, this.#deadlineMs, call, outer)
      .then(
        (value): Outcome<T> => ({ kind: 'value', value, at: this.#clock.monotonicMs() }),
        (error: unknown): Outcome<T> => ({ kind: 'error', error }),
      )
      .then((outcome) => {
        this.#underWay = undefined;
        this.#outcome = outcome;
        this.#prompt = this.#clock.monotonicMs() - begun <= this.#windowMs;
      });
  }

  /** The call that is under way, whoever waits for it. */
  get underWay(): Promise<void> | undefined {
    return this.#underWay;
  }

  /** What to wait for: nothing where nothing is under way, or where waiting would be for a call that is known to be slow. */
  get awaited(): Promise<void> | undefined {
    return this.#prompt ? this.#underWay : undefined;
  }

  /** The window has passed. A call that is still under way is a slow one. */
  windowPassed(): void {
    if (this.#underWay !== undefined) this.#prompt = false;
  }

  /** The newest outcome that nobody has taken yet. */
  take(): Outcome<T> | undefined {
    const outcome = this.#outcome;
    this.#outcome = undefined;
    return outcome;
  }
}

/** Waits until all of these have ended, at most `windowMs`. `meanwhile` may say that enough has been waited. */
export async function gather(
  clock: Clock,
  windowMs: number,
  calls: readonly LateCall<unknown>[],
  signal: AbortSignal,
  meanwhile?: Meanwhile,
): Promise<void> {
  const awaited = calls.flatMap((call) => call.awaited ?? []);
  if (awaited.length > 0)
    await upTo(clock, windowMs, signal, (enough, over) => {
      void Promise.all(awaited).then(enough);
      meanwhile?.(enough, over);
    });
  for (const call of calls) call.windowPassed();
}
