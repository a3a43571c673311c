/**
 * The core, on `(spec, function) → outcome`, without any web framework.
 *
 * - G1 Of all attempts with one scope, at most one holds the claim; who lost it cannot seal.
 * - G2 A sealed outcome is the answer to every later attempt with the same fingerprint, for the whole retention.
 * - G3 An attempt whose end nobody knows is never taken for one that did nothing.
 * - G4 Nobody is told of an outcome before it is sealed (X19).
 * - G5 While the store cannot be asked nothing runs, unless the route says so.
 */
import { randomUUID } from 'node:crypto';
import { emit, type GuardEventKind, type GuardEvents } from './events.js';
import { ClaimedExecution, observing, unguarded, type Execution, type RunContext } from './execution.js';
import { storeKey, type StoreKey } from './keys.js';
import { checkedOutcome, effectOf, type Outcome } from './outcome.js';
import { recordOf, type StoredRecord } from './record.js';
import { checkOptions, having, ifGiven, needed, optional, type Wants } from './options.js';
import { NothingDone, type Refusal } from './refusal.js';
import { keepKeysForMs } from './release/policy.js';
import type { ReleaseReader } from './release/reader.js';
import { checkedTime, resolve, type ResolvedSpec, type RunSpec } from './spec.js';
import { CommitUnknown, type Claimed, type Store, type TransactionalStore } from './store.js';
import { StoreCalls } from './store-calls.js';
import { TimeLimit } from './time-limit.js';

export interface GuardOptions<S extends Store = Store> {
  readonly store: S;
  /** The revision that runs here: it stands in every record that it produces. */
  readonly revision: string;
  readonly onEvent?: GuardEvents | undefined;
  /** How long a call to the store may take, in milliseconds; 1 s. */
  readonly storeTimeoutMs?: number | undefined;
  /** The release record: while a rollout is open, keys live as long as it asks, where that is longer (R20, A13). */
  readonly release?: Pick<ReleaseReader, 'current'> | undefined;
}

/** What to do with a request: run it, answer it from the record, or refuse it. */
export type Beginning =
  | { readonly kind: 'execute'; readonly execution: Execution }
  | { readonly kind: 'replay'; readonly record: StoredRecord }
  | { readonly kind: 'refuse'; readonly refusal: Refusal };

export type RunResult =
  | { readonly kind: 'executed'; readonly outcome: Outcome; readonly attempt: number }
  | { readonly kind: 'replayed'; readonly record: StoredRecord }
  | { readonly kind: 'refused'; readonly refusal: Refusal };

export type RunFunction = (context: RunContext) => Promise<Outcome> | Outcome;

const STORE_TIMEOUT_MS = 1_000;

/** Those of `GuardOptions`. */
export const GUARD_WANTS: Wants<GuardOptions> = {
  store: having('claim', 'what openPostgresStore(…) or openRedisStore(…) resolves with, or new MemoryStore()'),
  revision: needed('text', 'the revision that runs here'),
  onEvent: optional('function'),
  storeTimeoutMs: optional('anything'),
  release: ifGiven(having('current', 'what openReleaseRecord(…) resolves with')),
};

export class Guard<S extends Store = Store> {
  readonly revision: string;
  readonly store: S;
  readonly #onEvent: GuardEvents | undefined;
  readonly #limit: TimeLimit;
  readonly #release: GuardOptions['release'];

  /** Throws `TypeError` or `RangeError` for options that cannot be meant. */
  constructor(options: GuardOptions<S>) {
    checkOptions<GuardOptions<S>>('Guard', options, GUARD_WANTS);
    const { store, revision, onEvent, storeTimeoutMs = STORE_TIMEOUT_MS, release } = options;
    checkedTime('storeTimeoutMs', storeTimeoutMs);
    this.store = store;
    this.revision = revision;
    this.#onEvent = onEvent;
    this.#limit = new TimeLimit(storeTimeoutMs);
    this.#release = release;
  }

  /**
   * Rejects with what `fn` threw, after its attempt was marked as unknown, or as nothing if it threw `NothingDone`. To return
   * anything but an outcome is such a throw, a `TypeError`.
   */
  async run(spec: RunSpec, fn: RunFunction): Promise<RunResult> {
    const beginning = await this.begin(spec);
    if (beginning.kind !== 'execute') return settledBefore(beginning);
    const { execution } = beginning;
    const outcome = await attempt(execution, fn);
    const settled = await execution.settle(outcome);
    if (settled.kind === 'refuse') return { kind: 'refused', refusal: settled.refusal };
    return { kind: 'executed', outcome, attempt: execution.context.attempt };
  }

  /**
   * Effect and record in one transaction: no effect happens twice, whenever the process dies. A 5xx and a throw roll back.
   * So an unfinished attempt left nothing behind, and is simply run again. To return anything but an outcome is such a throw, a
   * `TypeError`; one that leaves its transaction idle for half the lease ends as `TransactionIdle`.
   */
  async tx<Db>(
    this: Guard<TransactionalStore<Db>>,
    spec: Omit<RunSpec, 'onLost' | 'onStoreDown' | 'mode'>,
    fn: (db: Db, context: RunContext) => Promise<Outcome> | Outcome,
  ): Promise<RunResult> {
    if (typeof (this.store.transact as unknown) !== 'function')
      throw new TypeError('guard.tx needs a store with transactions: one of openPostgresStore(…)');
    const { leaseMs, retainMs, ...whole } = this.#resolve({ ...spec, onLost: 'reexecute' });
    const beginning = await this.begin({ ...whole, leaseMs, retainMs });
    if (beginning.kind !== 'execute') return settledBefore(beginning);
    const { execution } = beginning;
    const { context } = execution;
    const calls = this.#calls(whole.scope.route, false);
    let outcome: Outcome | undefined;
    try {
      // A paused holder's transaction is ended before its lease, so that its locks never make a successor wait.
      const limits = { retainMs, idleMs: Math.max(Math.floor(leaseMs / 2), 1) };
      const end = await this.store.transact(storeKey(whole.scope), context.token, limits, async (db) => {
        outcome = checkedOutcome(await fn(db, context), 'guard.tx');
        return effectOf(outcome.status) === 'done' ? recordOf(outcome, this.revision) : undefined;
      });
      if (end === 'stale') {
        calls.count('superseded');
        return { kind: 'refused', refusal: { kind: 'outstanding', retryMs: leaseMs } };
      }
      if (end === 'rolled-back') await execution.abandon('none');
    } catch (error) {
      if (error instanceof CommitUnknown) {
        calls.count('store-error', error);
        return { kind: 'refused', refusal: calls.storeDown('unknown') };
      }
      await execution.abandon('none');
      throw error;
    } finally {
      execution.leave();
    }
    if (outcome === undefined) throw new Error('the store ended the transaction without running its work');
    return { kind: 'executed', outcome, attempt: context.attempt };
  }

  /** For adapters whose response ends elsewhere than where it began. Who gets an execution settles, abandons or leaves it. */
  async begin(given: RunSpec): Promise<Beginning> {
    const spec = this.#resolve(given);
    const { scope, fingerprint, leaseMs, retainMs } = spec;
    const isObserving = spec.mode === 'observe';
    const calls = this.#calls(scope.route, isObserving);
    const attempt = { spec, calls, key: storeKey(scope), token: randomUUID() };
    let claimed: Claimed | undefined;
    try {
      claimed = await calls.claim(attempt.key, { fingerprint, token: attempt.token, leaseMs, retainMs });
    } catch {
      // Counted where it failed.
    }
    const beginning = claimed === undefined ? withoutStore(attempt) : this.#judged(attempt, claimed);
    // Given back as nothing done, so that the count goes on saying that one attempt was lost.
    if (beginning.kind === 'refuse' && beginning.refusal.kind === 'unknown')
      await calls.release(attempt.key, attempt.token, 'none').catch(() => false);
    if (!isObserving) return beginning;
    return { kind: 'execute', execution: beginning.kind === 'execute' ? observing(beginning.execution) : unguarded() };
  }

  /** For adapters: what happened before there was a spec. */
  count(kind: GuardEventKind, route: string, isObserving: boolean, error?: unknown): void {
    this.#calls(route, isObserving).count(kind, error);
  }

  #judged({ spec, calls, key, token }: Attempt, claimed: Claimed): Beginning {
    switch (claimed.kind) {
      case 'mismatch':
        calls.count('mismatch');
        return { kind: 'refuse', refusal: { kind: 'mismatch' } };
      case 'busy':
        calls.count('outstanding');
        return { kind: 'refuse', refusal: { kind: 'outstanding', retryMs: Math.ceil(claimed.retryMs) } };
      case 'done':
        calls.count('replayed');
        return { kind: 'replay', record: claimed.record };
      case 'claimed': {
        const { leaseMs, retainMs, onLost, onStoreDown } = spec;
        const { revision } = this;
        if (claimed.attempt > 1 && onLost === 'reject') {
          calls.count('unknown');
          return { kind: 'refuse', refusal: { kind: 'unknown' } };
        }
        calls.count(claimed.attempt > 1 ? 'takeover' : 'executed');
        const options = { calls, key, token, leaseMs, retainMs, revision, onLost, onStoreDown, attempt: claimed.attempt };
        return { kind: 'execute', execution: new ClaimedExecution(options) };
      }
    }
  }

  #resolve(given: RunSpec): ResolvedSpec {
    const spec = resolve(given);
    const keepMs = keepKeysForMs(this.#release?.current().record);
    return keepMs > spec.retainMs ? { ...spec, retainMs: keepMs } : spec;
  }

  #calls(route: string, observed: boolean): StoreCalls {
    return new StoreCalls(this.store, this.#limit, (kind, error) => {
      if (this.#onEvent !== undefined) emit(this.#onEvent, { kind, route, observed, ...(error === undefined ? {} : { error }) });
    });
  }
}

/** What one attempt is known by. */
interface Attempt {
  readonly spec: ResolvedSpec;
  readonly calls: StoreCalls;
  readonly key: StoreKey;
  readonly token: string;
}

function withoutStore({ spec: { onStoreDown }, calls }: Attempt): Beginning {
  if (onStoreDown === 'run') {
    calls.count('failed-open');
    return { kind: 'execute', execution: unguarded() };
  }
  calls.count('store-down');
  return { kind: 'refuse', refusal: calls.storeDown('none') };
}

function settledBefore(beginning: Exclude<Beginning, { kind: 'execute' }>): RunResult {
  return beginning.kind === 'replay'
    ? { kind: 'replayed', record: beginning.record }
    : { kind: 'refused', refusal: beginning.refusal };
}

async function attempt(execution: Execution, fn: RunFunction): Promise<Outcome> {
  try {
    return checkedOutcome(await fn(execution.context), 'guard.run');
  } catch (error) {
    await execution.abandon(error instanceof NothingDone ? 'none' : 'unknown');
    throw error;
  }
}
