/**
 * A worker that stalls in the middle of many runs: `paused-main <postgres|redis> <url> <run|tx> <runs> <leaseMs> <step>…`. Run
 * `i` waits at the step of its turn; when all wait, the process stops itself with SIGSTOP. Continued, every run goes on and
 * tries to write. Prints how each ended.
 */
import { Guard } from '../../src/guard/guard.js';
import { openPostgresStore } from '../../src/guard/stores/postgres.js';
import { openPool } from '../harness/postgres.js';
import { openTestStore } from './open-test-store.js';
import { SteppingStore, stepThrough, stoppingTogether } from './stepping.js';
import { outcome, spec } from './support.js';

const [kind = '', url = '', how = '', runs = '0', leaseMs = '0', ...steps] = process.argv.slice(2);
const count = Number(runs);
const options = { revision: 'stale', storeTimeoutMs: 5_000 };
const stepOf = stoppingTogether(count, steps);

const pool = how === 'tx' ? openPool(url, count + 5) : undefined;
const inTransactions = pool === undefined ? undefined : await openPostgresStore(pool);
const store = pool === undefined ? await openTestStore(kind, url) : undefined;

async function one(index: number): Promise<string> {
  const key = `${how}-${String(index)}`;
  const own = spec({ scope: { ...spec().scope, key }, leaseMs: Number(leaseMs) });
  const step = stepOf(index);
  if (inTransactions !== undefined) {
    const end = await new Guard({ ...options, store: inTransactions }).tx(own, async (db) => {
      await stepThrough(db, step, key, 'stale');
      return outcome(201, 'stale');
    });
    return end.kind;
  }
  const guard = new Guard({ ...options, store: new SteppingStore(store!.store, step) });
  const end = await guard.run(own, async () => {
    await step('before effect');
    await step('after effect');
    return outcome(201, 'stale');
  });
  return end.kind;
}

const ends = await Promise.all(Array.from({ length: count }, (_, index) => one(index).catch(() => 'threw')));
console.log(JSON.stringify(ends));
process.exit(0);
