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
  assert.ok((await claimFor(100)) <= 1_024);
  // Twice the thousand that are within their retention, and no more.
  assert.ok((await claimFor(10_000)) <= 2_100);
  assert.ok((await claimFor(100)) <= 2_100);
  assert.ok(store.size < 1_100, `${String(store.size)} entries`);
});
