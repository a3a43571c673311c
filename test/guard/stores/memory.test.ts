import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MemoryStore } from '../../../src/guard/stores/memory.js';
import { anyKey, claimOf, storeConformance } from './conformance.js';

storeConformance(
  'memory',
  () => {
    let now = 1_000;
    return Promise.resolve({
      store: new MemoryStore({ now: () => now }),
      pass: (ms) => {
        now += ms;
        return Promise.resolve();
      },
      stop: () => Promise.resolve(),
    });
  },
  false,
);

test('what is past its retention is swept, so that memory does not grow for ever', async () => {
  let now = 0;
  const store = new MemoryStore({ now: () => now });
  const claimFor = async (retainMs: number): Promise<number> => {
    let most = 0;
    for (let index = 0; index < 5_000; index++) {
      now += 10;
      await store.claim(anyKey(), claimOf({ leaseMs: 1, retainMs }));
      most = Math.max(most, store.size);
    }
    return most;
  };
  assert.ok((await claimFor(100)) <= 1_100);
  // Little more than twice the thousand that are within their retention.
  assert.ok((await claimFor(10_000)) <= 2_100);
  assert.ok((await claimFor(100)) <= 2_100);
  assert.ok(store.size <= 1_100, `${String(store.size)} entries`);
});

test('what is past its retention is swept where only one key is asked for again and again, too', async () => {
  let now = 0;
  const store = new MemoryStore({ now: () => now });
  for (let index = 0; index < 3_000; index++) await store.claim(anyKey(), claimOf({ leaseMs: 1, retainMs: 100 }));
  now += 1_000;
  const asked = anyKey();
  for (let index = 0; index < 3_000; index++) await store.claim(asked, claimOf({ leaseMs: 1, retainMs: 100 }));
  assert.equal(store.size, 1);
});
