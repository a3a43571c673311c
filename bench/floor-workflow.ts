/** The least that a signal can cost on this server: a workflow that waits for one and then starts an activity. */
import { condition, defineSignal, proxyActivities, proxyLocalActivities, setHandler } from '@temporalio/workflow';

interface Activities {
  stamp(): Promise<number>;
}

const PATIENCE = { startToCloseTimeout: '10s' };
const local = proxyLocalActivities<Activities>(PATIENCE);
const plain = proxyActivities<Activities>(PATIENCE);

/** Returns when its activity ran, in milliseconds since the epoch. */
export async function floor(kind: 'local' | 'plain'): Promise<number> {
  let asked = false;
  setHandler(defineSignal('go'), () => {
    asked = true;
  });
  await condition(() => asked);
  return (kind === 'local' ? local : plain).stamp();
}
