/**
 * A worker that dies on its way: `crash-main <postgres|redis> <url> <run|tx> <step> <key> <leaseMs>`. It kills itself with
 * SIGKILL at the step. Effects are rows or list entries in the store's own server, so that the test can count them whoever is
 * dead.
 */
import { createClient } from 'redis';
import { Guard } from '../../src/guard/guard.js';
import { openPostgresStore } from '../../src/guard/stores/postgres.js';
import { openPool } from '../harness/postgres.js';
import { openTestStore } from './open-test-store.js';
import { SteppingStore, stepThrough } from './stepping.js';
import { outcome, spec } from './support.js';

const [kind = '', url = '', how = '', wanted = '', key = '', leaseMs = '0'] = process.argv.slice(2);
const own = spec({ scope: { ...spec().scope, key }, leaseMs: Number(leaseMs) });
const options = { revision: 'dying', storeTimeoutMs: 5_000 };

const step = (name: string): void => {
  if (name === wanted) process.kill(process.pid, 'SIGKILL');
};

async function effect(): Promise<void> {
  if (kind === 'postgres') {
    const pool = openPool(url, 1);
    await pool.query("INSERT INTO effects (key, worker) VALUES ($1, 'dying')", [key]);
    return;
  }
  const client = createClient({ url });
  await client.connect();
  await client.rPush(`effects:${key}`, 'dying');
}

if (how === 'tx') {
  const guard = new Guard({ ...options, store: await openPostgresStore(openPool(url, 5)) });
  step('before claim');
  await guard.tx(own, async (db) => {
    await stepThrough(db, step, key, 'dying');
    return outcome();
  });
} else {
  const { store } = await openTestStore(kind, url);
  const guard = new Guard({ ...options, store: new SteppingStore(store, step) });
  await guard.run(own, async () => {
    step('before effect');
    await effect();
    step('after effect');
    return outcome();
  });
}
step('after run');
console.log('it lived');
process.exit(1);
