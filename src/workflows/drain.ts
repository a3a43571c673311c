import { CancellationScope, sleep } from '@temporalio/workflow';
import type { Where } from '../contract/activities.js';
import type { Revision } from '../domain/words.js';
import * as options from './options.js';

export interface DrainInput {
  readonly where: Where;
  readonly of: Revision;
  readonly minMs: number;
  readonly ceilingMs: number;
}

/** The drain of a superseded rollout, which has closed: its streams end by themselves, then its capacity goes (R16, I9). */
export async function drain({ where, of, minMs, ceilingMs }: DrainInput): Promise<'released'> {
  await options.long(ceilingMs).waitForDrain({ where, of, minMs, ceilingMs });
  await releaseOnceEmpty(where, of);
  return 'released';
}

const LOOK_AGAIN_MS = 10 * 60_000;

/** As long as a stream is open the capacity stays, however long that is. */
export async function releaseOnceEmpty(where: Where, of: Revision): Promise<void> {
  const release = () => CancellationScope.nonCancellable(() => options.short.releaseCapacity({ where, of }));
  while ((await release()).stillOpen > 0)
    await sleep(LOOK_AGAIN_MS, { summary: `streams are still open on ${of.id}: looks again` });
}
