/**
 * Guarded runs in a process of their own, which is started with `--trace-gc`: `runs <new key|replay> <count>`. Its store keeps
 * nothing, so that what lives on lives on because of the guard.
 */
import type * as SluiceGuard from '../../src/guard/index.js';

const built = new URL('../../dist/guard/index.js', import.meta.url).href;
const { Guard } = (await import(built)) as typeof SluiceGuard;

const AT_ONCE = 16;
const [workload = '', count = ''] = process.argv.slice(2);
const outcome: SluiceGuard.Outcome = {
  status: 201,
  headers: { 'content-type': 'application/json' },
  body: { kind: 'bytes', bytes: Buffer.from('{"state":"accepted"}') },
};
const claimed: SluiceGuard.Claimed =
  workload === 'replay' ? { kind: 'done', record: { ...outcome, revision: 'green' } } : { kind: 'claimed', attempt: 1 };
const store: SluiceGuard.Store = {
  claim: () => Promise.resolve(claimed),
  renew: () => Promise.resolve(true),
  complete: () => Promise.resolve(true),
  release: () => Promise.resolve(true),
};
const guard = new Guard({ store, revision: 'green' });
let left = Number(count);
await Promise.all(
  Array.from({ length: AT_ONCE }, async () => {
    while (left-- > 0)
      await guard.run(
        { scope: { tenant: 'bench', method: 'POST', route: '/orders', key: String(left) }, fingerprint: 'v1:a' },
        () => outcome,
      );
  }),
);
