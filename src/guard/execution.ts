/**
 * One attempt that holds a claim: its lease is renewed until it is settled, and it is settled once. The record is sealed
 * before anybody is told (X19); who lost the claim on the way cannot seal any more, and is told so.
 */
import type { StoreKey } from './keys.js';
import { effectOf, type Outcome } from './outcome.js';
import { recordOf } from './record.js';
import type { Refusal } from './refusal.js';
import type { StoreCalls } from './store-calls.js';

export interface RunContext {
  /** 1 for the first attempt. More: an earlier one began and was lost. */
  readonly attempt: number;
  /** Changes with every attempt: a fence for what the handler writes elsewhere. */
  readonly token: string;
  /** Aborted when the claim is lost: what is done from then on will not be acknowledged. */
  readonly signal: AbortSignal;
}

export type Settled =
  /** Kept, or not to be kept: the outcome may be sent. */
  { readonly kind: 'send' } | { readonly kind: 'refuse'; readonly refusal: Refusal };

export interface Execution {
  readonly context: RunContext;
  settle(outcome: Outcome): Promise<Settled>;
  /** Nothing will be settled. `unknown` after a throw, `none` if nothing can have happened. */
  abandon(effect: 'unknown' | 'none'): Promise<void>;
  /** The caller is gone: no more renewals. It may still settle, unless a successor took over. */
  leave(): void;
  /** The caller is gone, and whoever spoke to it was cut short: nothing will be settled, and nobody waits for the lease. */
  lapse(): Promise<void>;
}

export interface ClaimedExecutionOptions {
  readonly calls: StoreCalls;
  readonly key: StoreKey;
  readonly token: string;
  readonly attempt: number;
  readonly leaseMs: number;
  readonly retainMs: number;
  readonly revision: string;
  readonly onLost: 'reject' | 'reexecute';
  readonly onStoreDown: 'refuse' | 'run';
}

const LOST = Symbol('lost');

/** A getter, because a signal is dear to make, and most handlers never look at it. */
const SIGNAL: PropertyDescriptor = {
  get(this: Context) {
    return this[LOST].signal;
  },
  enumerable: true,
  configurable: true,
};

/**
 * Its own properties are those of `RunContext`, so that a copy of it has them all. One getter serves all: with one each, as an
 * object literal has it, each context is a dictionary that outlives the collector's cheap runs.
 */
class Context implements RunContext {
  readonly attempt: number;
  readonly token: string;
  declare readonly signal: AbortSignal;
  declare readonly [LOST]: AbortController;

  constructor({ attempt, token }: Pick<RunContext, 'attempt' | 'token'>, lost: AbortController) {
    this.attempt = attempt;
    this.token = token;
    Object.defineProperty(this, LOST, { value: lost });
    Object.defineProperty(this, 'signal', SIGNAL);
  }
}

export class ClaimedExecution implements Execution {
  readonly context: RunContext;
  readonly #options: ClaimedExecutionOptions;
  readonly #lost = new AbortController();
  readonly #heartbeat: NodeJS.Timeout;
  #heldUntilMs: number;
  #isSettled = false;

  constructor(options: ClaimedExecutionOptions) {
    this.#options = options;
    this.context = new Context(options, this.#lost);
    this.#heldUntilMs = performance.now() + options.leaseMs;
    this.#heartbeat = setInterval(() => void this.#renew(), Math.max(options.leaseMs / 3, 1));
    this.#heartbeat.unref();
  }

  async settle(outcome: Outcome): Promise<Settled> {
    this.#isSettled = true;
    const effect = effectOf(outcome.status);
    if (effect !== 'done') {
      await this.abandon(effect);
      return { kind: 'send' };
    }
    const { calls, key, token, retainMs, revision, onLost, onStoreDown } = this.#options;
    try {
      const sealed = await calls.complete(key, token, recordOf(outcome, revision), retainMs);
      if (sealed) return { kind: 'send' };
      calls.count('superseded');
      if (onLost === 'reexecute') calls.count('duplicate-effect');
      return { kind: 'refuse', refusal: { kind: 'superseded' } };
    } catch {
      if (onStoreDown === 'run') {
        calls.count('failed-open');
        return { kind: 'send' };
      }
      calls.count('store-down');
      return { kind: 'refuse', refusal: calls.storeDown('unknown') };
    } finally {
      this.leave();
    }
  }

  async abandon(effect: 'unknown' | 'none'): Promise<void> {
    this.#isSettled = true;
    this.leave();
    // If the store is out of reach, the lease lapses by itself, and the next attempt learns the same.
    await this.#options.calls.release(this.#options.key, this.#options.token, effect).catch(() => false);
  }

  leave(): void {
    clearInterval(this.#heartbeat);
  }

  async lapse(): Promise<void> {
    if (this.#isSettled) return;
    this.leave();
    // Not released: what was under way after all may still be sealed, unless a successor took over.
    await this.#options.calls.renew(this.#options.key, this.#options.token, 0).catch(() => false);
  }

  async #renew(): Promise<void> {
    const { calls, key, token, leaseMs } = this.#options;
    const asked = performance.now();
    const held = await calls.renew(key, token, leaseMs).catch(() => undefined);
    if (held === true) this.#heldUntilMs = asked + leaseMs;
    if (held === false || performance.now() >= this.#heldUntilMs) {
      this.leave();
      this.#lost.abort(new Error('the claim was lost: another attempt may be running'));
    }
  }
}

/** In `observe` what was answered is sent, whatever became of its record. */
export function observing(execution: Execution): Execution {
  return {
    context: execution.context,
    settle: async (outcome) => {
      await execution.settle(outcome);
      return { kind: 'send' };
    },
    abandon: (effect) => execution.abandon(effect),
    leave: () => {
      execution.leave();
    },
    lapse: () => execution.lapse(),
  };
}

/** For a run that nothing stands behind: the store is down and the route fails open, or the mode is `observe`. */
export function unguarded(): Execution {
  return {
    context: { attempt: 1, token: '', signal: new AbortController().signal },
    settle: () => Promise.resolve({ kind: 'send' }),
    abandon: () => Promise.resolve(),
    leave: () => undefined,
    lapse: () => Promise.resolve(),
  };
}
