/** What every store must do, run by all three: the real servers and memory. */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, test } from 'node:test';
import { storeKey, type StoreKey } from '../../../src/guard/keys.js';
import type { StoredRecord } from '../../../src/guard/record.js';
import type { Claim, Store } from '../../../src/guard/store.js';

export interface StoreStage {
  readonly store: Store;
  /** Lets so many milliseconds pass by the store's clock. */
  readonly pass: (ms: number) => Promise<void>;
  readonly stop: () => Promise<void>;
}

const RETAIN_MS = 60_000;
const LEASE_MS = 10_000;

export const anyKey = (): StoreKey => storeKey({ tenant: 't', method: 'POST', route: '/orders', key: randomUUID() });
export const claimOf = (change: Partial<Claim> = {}): Claim => ({
  fingerprint: 'v1:a',
  token: randomUUID(),
  leaseMs: LEASE_MS,
  retainMs: RETAIN_MS,
  ...change,
});
export const recordOf = (change: Partial<StoredRecord> = {}): StoredRecord => ({
  status: 201,
  headers: { 'content-type': 'application/octet-stream', location: '/orders/1' },
  body: { kind: 'bytes', bytes: Buffer.from([0, 10, 13, 128, 255, 0]) },
  revision: 'green',
  ...change,
});

export function storeConformance(name: string, start: () => Promise<StoreStage>, skip: string | false): void {
  let stage: StoreStage;
  before(async () => {
    if (skip === false) stage = await start();
  });
  after(async () => {
    if (skip === false) await stage.stop();
  });
  const check = (title: string, body: (store: Store) => Promise<void>): void => {
    test(`${name}: ${title}`, { skip, timeout: 60_000 }, () => body(stage.store));
  };

  check('the first claim is the first attempt; while it holds, others are told how long', async (store) => {
    const key = anyKey();
    assert.deepEqual(await store.claim(key, claimOf()), { kind: 'claimed', attempt: 1 });
    const other = await store.claim(key, claimOf());
    assert.equal(other.kind, 'busy');
    assert.ok(other.retryMs > LEASE_MS / 2 && other.retryMs <= LEASE_MS);
  });

  check('a sealed record comes back byte by byte, however often it is asked for', async (store) => {
    const key = anyKey();
    const claim = claimOf();
    await store.claim(key, claim);
    assert.equal(await store.complete(key, claim.token, recordOf(), RETAIN_MS), true);
    for (let times = 0; times < 3; times++) {
      const again = await store.claim(key, claimOf());
      assert.ok(again.kind === 'done');
      const { body, ...rest } = again.record;
      const { body: _body, ...expected } = recordOf();
      assert.deepEqual(rest, expected);
      assert.ok(body.kind === 'bytes');
      assert.deepEqual([...body.bytes], [0, 10, 13, 128, 255, 0]);
    }
  });

  check('bodies that were streamed, too large or empty come back as what they are', async (store) => {
    const bodies = [
      { kind: 'streamed' },
      { kind: 'too-large', sha256: 'ab', length: 300_000 },
      { kind: 'bytes', bytes: Buffer.alloc(0) },
    ] as const;
    for (const body of bodies) {
      const key = anyKey();
      const claim = claimOf();
      await store.claim(key, claim);
      await store.complete(key, claim.token, recordOf({ status: 204, body }), RETAIN_MS);
      const again = await store.claim(key, claimOf());
      assert.ok(again.kind === 'done');
      assert.deepEqual({ ...again.record.body }, { ...body });
    }
  });

  check('another fingerprint is a mismatch, be the first request under way, lost or done', async (store) => {
    const key = anyKey();
    const first = claimOf({ leaseMs: 200 });
    const other = claimOf({ fingerprint: 'v1:b' });
    await store.claim(key, first);
    assert.deepEqual(await store.claim(key, other), { kind: 'mismatch' });
    await stage.pass(250);
    assert.deepEqual(await store.claim(key, other), { kind: 'mismatch' });
    const second = claimOf();
    await store.claim(key, second);
    await store.complete(key, second.token, recordOf(), RETAIN_MS);
    assert.deepEqual(await store.claim(key, other), { kind: 'mismatch' });
  });

  check(
    'a lapsed lease leaves the record: the next claim is the second attempt, and the old holder is shut out',
    async (store) => {
      const key = anyKey();
      const old = claimOf({ leaseMs: 200 });
      const successor = claimOf();
      await store.claim(key, old);
      await stage.pass(250);
      assert.deepEqual(await store.claim(key, successor), { kind: 'claimed', attempt: 2 });
      assert.equal(await store.renew(key, old.token, LEASE_MS), false);
      assert.equal(await store.complete(key, old.token, recordOf(), RETAIN_MS), false);
      assert.equal(await store.release(key, old.token, 'none'), false);
      assert.equal((await store.claim(key, claimOf())).kind, 'busy');
      assert.equal(await store.complete(key, successor.token, recordOf({ revision: 'blue' }), RETAIN_MS), true);
      assert.equal(await store.complete(key, old.token, recordOf(), RETAIN_MS), false);
      const end = await store.claim(key, claimOf());
      assert.equal(end.kind === 'done' && end.record.revision, 'blue');
    },
  );

  check(
    'a lease that is renewed for no time ends at once, and its holder may still seal until somebody else claims',
    async (store) => {
      const key = anyKey();
      const left = claimOf();
      await store.claim(key, left);
      assert.equal(await store.renew(key, left.token, 0), true);
      assert.deepEqual(await store.claim(key, claimOf()), { kind: 'claimed', attempt: 2 });
      assert.equal(await store.complete(key, left.token, recordOf(), RETAIN_MS), false);
      const other = anyKey();
      const kept = claimOf();
      await store.claim(other, kept);
      await store.renew(other, kept.token, 0);
      assert.equal(await store.complete(other, kept.token, recordOf(), RETAIN_MS), true);
    },
  );

  check('a renewed lease does not lapse', async (store) => {
    const key = anyKey();
    const claim = claimOf({ leaseMs: 300 });
    await store.claim(key, claim);
    assert.equal(await store.renew(key, claim.token, LEASE_MS), true);
    await stage.pass(400);
    assert.equal((await store.claim(key, claimOf())).kind, 'busy');
  });

  check('a lapsed holder whom nobody followed may still seal', async (store) => {
    const key = anyKey();
    const claim = claimOf({ leaseMs: 100 });
    await store.claim(key, claim);
    await stage.pass(150);
    assert.equal(await store.complete(key, claim.token, recordOf(), RETAIN_MS), true);
    assert.equal((await store.claim(key, claimOf())).kind, 'done');
  });

  check('sealing twice with one token is one seal', async (store) => {
    const key = anyKey();
    const claim = claimOf();
    await store.claim(key, claim);
    assert.equal(await store.complete(key, claim.token, recordOf(), RETAIN_MS), true);
    assert.equal(await store.complete(key, claim.token, recordOf(), RETAIN_MS), true);
  });

  check('what is sealed can neither be renewed nor released', async (store) => {
    const key = anyKey();
    const claim = claimOf();
    await store.claim(key, claim);
    await store.complete(key, claim.token, recordOf(), RETAIN_MS);
    assert.equal(await store.renew(key, claim.token, LEASE_MS), false);
    assert.equal(await store.release(key, claim.token, 'none'), false);
    assert.equal(await store.release(key, claim.token, 'unknown'), false);
    assert.equal((await store.claim(key, claimOf())).kind, 'done');
  });

  check('an attempt released as unknown counts, one released as nothing does not', async (store) => {
    const key = anyKey();
    const [first, second, third, fourth] = [claimOf(), claimOf(), claimOf(), claimOf()] as const;
    await store.claim(key, first);
    assert.equal(await store.release(key, first.token, 'none'), true);
    assert.deepEqual(await store.claim(key, second), { kind: 'claimed', attempt: 1 });
    assert.equal(await store.release(key, second.token, 'unknown'), true);
    assert.equal(await store.complete(key, second.token, recordOf(), RETAIN_MS), false);
    assert.deepEqual(await store.claim(key, third), { kind: 'claimed', attempt: 2 });
    assert.equal(await store.release(key, third.token, 'none'), true);
    assert.deepEqual(await store.claim(key, fourth), { kind: 'claimed', attempt: 2 });
  });

  check('a key nobody claimed cannot be renewed, sealed or released', async (store) => {
    const key = anyKey();
    assert.equal(await store.renew(key, 'made-up', LEASE_MS), false);
    assert.equal(await store.complete(key, 'made-up', recordOf(), RETAIN_MS), false);
    assert.equal(await store.release(key, 'made-up', 'unknown'), false);
    assert.equal((await store.claim(key, claimOf())).kind, 'claimed');
  });

  check('after the retention the key is as new, for another request too', async (store) => {
    const key = anyKey();
    const claim = claimOf({ leaseMs: 100, retainMs: 200 });
    await store.claim(key, claim);
    await store.complete(key, claim.token, recordOf(), 200);
    await stage.pass(300);
    assert.deepEqual(await store.claim(key, claimOf({ fingerprint: 'v1:b' })), { kind: 'claimed', attempt: 1 });
  });

  check('of twenty that claim at the instant at which the lease lapses, one gets it', async (store) => {
    const keys = Array.from({ length: 20 }, anyKey);
    for (const key of keys) await store.claim(key, claimOf({ leaseMs: 20 }));
    await stage.pass(20);
    for (const key of keys) {
      const all = await Promise.all(Array.from({ length: 20 }, () => store.claim(key, claimOf())));
      const got = all.filter(({ kind }) => kind === 'claimed');
      assert.deepEqual(got, [{ kind: 'claimed', attempt: 2 }]);
    }
  });
}
