/**
 * BullMQ: its workers run while this revision holds the queue, rest while batch is paused, and share the record's cap. BullMQ
 * itself hands a job out again when it thinks that the worker stalled; what happens once is the effect behind the fence, and
 * nothing else (docs/guard-queues.md). Only shapes are imported: a service installs what it uses.
 */
import { fingerprint } from '../fingerprint.js';
import { StaleLease } from '../partitions/fenced-tx.js';
import { holdPartition, pause, type Held } from '../partitions/hold.js';
import { resolveHold, tell, type HoldOptions } from '../partitions/hold-options.js';
import { maxWorkersOf } from '../partitions/policy.js';
import { Refused } from '../refusal.js';
import type { RunSpec } from '../spec.js';
import { METHOD, textOf } from './job.js';

/** The part of a BullMQ `Worker` that is used here. Make it with `autorun: false`. */
export interface BullWorker {
  pause(doNotWaitActive?: boolean): Promise<void>;
  resume(): Promise<void>;
}

/** The part of a BullMQ `Queue` that is used here. */
export interface BullQueue {
  setGlobalConcurrency(concurrency: number): Promise<unknown>;
  removeGlobalConcurrency(): Promise<unknown>;
}

/** The part of a BullMQ `Job` that is used here. */
export interface BullJob {
  readonly id?: string | undefined;
  readonly queueName: string;
  readonly data: unknown;
  moveToDelayed(timestamp: number, token?: string): Promise<void>;
}

/** BullMQ knows no partitions. */
const WHOLE_QUEUE = 'all';
export type BullOptions = Omit<HoldOptions, 'partition'>;

export interface BullConsumer<Job, Result> {
  /** The worker's processor. */
  readonly process: (job: Job, token?: string) => Promise<Result>;
  /** Resolves after `options.signal`, when the jobs under way are done. Then close the worker. */
  readonly run: (worker: BullWorker, queue: BullQueue) => Promise<void>;
}

/** BullMQ knows it by its name: the job was moved, and has neither failed nor succeeded. */
class DelayedError extends Error {
  override readonly name = 'DelayedError';
}

/**
 * `fn` does the job behind the fence of `held.lease`. A job that comes while the queue is not held, a `StaleLease` and a
 * `Refused` that may be repeated put the job back, which counts as no attempt; any other throw is BullMQ's to judge. Throws
 * `TypeError` or `RangeError` for options that cannot be meant.
 */
export function bullConsumer<Job extends BullJob, Result>(
  options: BullOptions,
  fn: (job: Job, held: Held) => Promise<Result>,
): BullConsumer<Job, Result> {
  const { policy, flow, idleMs } = resolveHold({ ...options, partition: WHOLE_QUEUE });
  // The cap is on jobs and BullMQ counts these, so it does not limit how many processes there are.
  const pausing = (): { readonly batchPaused: boolean } => ({ batchPaused: maxWorkersOf(policy?.(), flow) === 0 });
  const holding: HoldOptions = { ...options, partition: WHOLE_QUEUE, flow: 'batch', policy: pausing };
  let now: Held | undefined;

  const putBack = async (job: Job, token: string | undefined, afterMs: number): Promise<never> => {
    await job.moveToDelayed(Date.now() + afterMs, token);
    throw new DelayedError('the job was put back');
  };

  return {
    process: async (job, token) => {
      if (now === undefined || now.leaving.aborted) return putBack(job, token, idleMs);
      try {
        return await fn(job, now);
      } catch (error) {
        if (error instanceof StaleLease) return putBack(job, token, idleMs);
        if (error instanceof Refused && error.retryMs !== undefined) return putBack(job, token, error.retryMs);
        throw error;
      }
    },
    run: (worker, queue) => {
      const caps = new Caps(queue);
      return holdPartition(holding, async (held) => {
        now = held;
        try {
          await worker.resume();
          while (!held.leaving.aborted) {
            await caps.follow(policy?.()).catch((error: unknown) => {
              tell(holding, { kind: 'store-error', error });
            });
            await pause(idleMs, held.leaving);
          }
          // While the lease is held, it is renewed until the jobs under way are done.
          await worker.pause(held.lost.aborted);
        } catch (error) {
          tell(holding, { kind: 'store-error', error });
          await pause(idleMs, options.signal);
        } finally {
          now = undefined;
        }
      });
    },
  };
}

/** Keeps the queue's global concurrency at the record's cap (R30). Without a record it is left as it is. */
class Caps {
  #told: number | 'none' | undefined;

  constructor(private readonly queue: BullQueue) {}

  async follow(policy: ReturnType<NonNullable<HoldOptions['policy']>>): Promise<void> {
    const wanted = policy === undefined ? this.#told : (policy.capPerPartition ?? 'none');
    if (wanted === undefined || wanted === this.#told) return;
    if (wanted === 'none') await this.queue.removeGlobalConcurrency();
    else if (wanted > 0) await this.queue.setGlobalConcurrency(wanted);
    this.#told = wanted;
  }
}

/** For `fencedTx`, `guard.tx` and `guard.run`: the job by its id, which must never be given to another job. */
export function bullSpec({ id, queueName, data }: BullJob, tenant: string): Pick<RunSpec, 'scope' | 'fingerprint'> {
  if (id === undefined) throw new TypeError('the job has no id: without one it cannot be told from another');
  const asked = { method: METHOD, path: queueName, contentType: 'application/json', bytes: textOf(data) };
  return { scope: { tenant, method: METHOD, route: queueName, key: id }, fingerprint: fingerprint(asked) };
}
