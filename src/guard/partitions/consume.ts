/** A worker of one partition: one job after the other while the partition is this revision's, and none while it is not. */
import { setImmediate as turn } from 'node:timers/promises';
import { holdPartition, pause, type Held } from './hold.js';
import { resolveHold, tell, type HoldOptions } from './hold-options.js';
import { maxWorkersOf } from './policy.js';

/**
 * Calls `job` again and again; it takes one job, does it behind the fence of `held.lease`, and says whether there was one. Each
 * worker does one job at a time, so the cap on workers is the cap on jobs (R30). Resolves after `options.signal`, when the
 * present job is done and the lease is left. A job that throws is told to `onEvent`, and the next begins after `idleMs`. Rejects
 * with `TypeError` or `RangeError` for options that cannot be meant, before any lease is asked for.
 */
export async function consumePartition(given: HoldOptions, job: (held: Held) => Promise<'worked' | 'empty'>): Promise<void> {
  const options = resolveHold(given);
  const { policy, flow, idleMs } = options;
  if (typeof (job as unknown) !== 'function') throw new TypeError(`the job is of type ${typeof job}, expected a function`);
  const isPaused = (): boolean => maxWorkersOf(policy?.(), flow) === 0;
  await holdPartition(options, async (held) => {
    while (!held.leaving.aborted && !isPaused()) {
      const end = await worked(job, held).catch((error: unknown) => {
        tell(options, { kind: 'job-error', error });
        return 'empty' as const;
      });
      if (end === 'empty') await pause(idleMs, held.leaving);
      // Timers renew the lease and end the work: jobs that wait for nothing must not keep them from it.
      else await turn();
    }
  });
}

async function worked(job: (held: Held) => Promise<'worked' | 'empty'>, held: Held): Promise<'worked' | 'empty'> {
  const end: unknown = await job(held);
  if (end === 'worked' || end === 'empty') return end;
  throw new TypeError(`the job gave a value of type ${typeof end}, expected "worked" or "empty"`);
}
