import { isCancellation, sleep } from '@temporalio/workflow';
import type { Where } from '../contract/activities.js';
import type { Revision } from '../domain/words.js';
import { releaseOnceEmpty } from './drain.js';

export interface KeepInput {
  readonly where: Where;
  readonly revision: Revision;
  readonly forMs: number;
}

/** Keeps the old revision warm after a promotion, so that `sluice rollback` is instant (A26). Cancelled: lets go of nothing. */
export async function keep({ where, revision, forMs }: KeepInput): Promise<'released' | 'kept'> {
  try {
    await sleep(forMs, { summary: `${revision.id} (${revision.release}) stays warm` });
    await releaseOnceEmpty(where, revision);
    return 'released';
  } catch (error) {
    if (isCancellation(error)) return 'kept';
    throw error;
  }
}
