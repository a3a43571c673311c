/** R20, A13: keys that are written during a rollout outlive it by a day, on every way on which a key is written. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Guard } from '../../../src/guard/guard.js';
import type { ReleaseView } from '../../../src/guard/release/reader.js';
import type { RunSpec } from '../../../src/guard/spec.js';
import type { Claim, TransactionalStore } from '../../../src/guard/store.js';
import { MemoryStore } from '../../../src/guard/stores/memory.js';
import { dedupe } from '../../../src/guard/webhooks/dedupe.js';
import { directiveWith } from '../../domain/directives.js';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

/** Notes every retention that reaches the store, as `<operation> <hours>`. */
class Noting extends MemoryStore implements TransactionalStore<undefined> {
  readonly noted: string[] = [];

  #note(operation: string, retainMs: number): void {
    this.noted.push(`${operation} ${String(retainMs / HOUR_MS)}`);
  }

  override claim(key: Parameters<MemoryStore['claim']>[0], claim: Claim): ReturnType<MemoryStore['claim']> {
    this.#note('claim', claim.retainMs);
    return super.claim(key, claim);
  }

  override complete(...given: Parameters<MemoryStore['complete']>): ReturnType<MemoryStore['complete']> {
    this.#note('complete', given[3]);
    return super.complete(...given);
  }

  async transact(...[, , limits, work]: Parameters<TransactionalStore<undefined>['transact']>): Promise<'sealed'> {
    this.#note('transact', limits.retainMs);
    await work(undefined);
    return 'sealed';
  }

  advance(): Promise<boolean> {
    return Promise.resolve(true);
  }
}

const done = { status: 200, headers: {}, body: { kind: 'bytes', bytes: new Uint8Array() } } as const;
const spec = (retainMs?: number): RunSpec => ({
  scope: { tenant: 'acme', method: 'POST', route: '/orders', key: 'k' },
  fingerprint: 'f',
  retainMs,
});

function during(keepMs: number | undefined): { readonly guard: Guard<Noting>; readonly store: Noting } {
  const { keepKeysForMs: _keep, weightBp: _weight, ...policy } = directiveWith();
  const record = keepMs === undefined ? undefined : { ...policy, updatedAt: 5, keepKeysUntil: 5 + keepMs };
  const store = new Noting();
  const view: ReleaseView = { record, ageMs: 0, readable: record !== undefined };
  return { store, guard: new Guard({ store, revision: 'blue', release: { current: () => view } }) };
}

test('a key lives as long as its route says, or as the rollout needs, whichever is longer', async () => {
  for (const [keepMs, retainMs, hours] of [
    [102 * HOUR_MS, DAY_MS, 102],
    [102 * HOUR_MS, undefined, 102],
    [102 * HOUR_MS, 120 * HOUR_MS, 120],
    [DAY_MS, undefined, 96],
    [0, DAY_MS, 24],
    [undefined, undefined, 96],
  ] as const) {
    const { guard, store } = during(keepMs);
    await guard.run(spec(retainMs), () => done);
    assert.deepEqual(store.noted, [`claim ${hours}`, `complete ${hours}`]);
  }
});

test('in a transaction it lives as long', async () => {
  const { guard, store } = during(102 * HOUR_MS);
  await guard.tx(spec(), () => done);
  assert.deepEqual(store.noted, ['claim 102', 'transact 102']);
});

test('events of webhooks live for 14 days, and longer for a rollout that may last longer', async () => {
  const event = { sourceId: 's', eventRev: 1, indexHash: 'i' };
  for (const [keepMs, days] of [
    [102 * HOUR_MS, 14],
    [20 * DAY_MS, 20],
  ] as const) {
    const { guard, store } = during(keepMs);
    await dedupe(guard, { name: 'cms', tenant: 'acme' }, event, () => undefined);
    assert.ok(store.noted.length > 0 && store.noted.every((noted) => noted.endsWith(` ${days * 24}`)), store.noted.join());
  }
});

test('a record never makes a key live shorter than a day', async () => {
  const { guard } = during(HOUR_MS);
  await assert.rejects(
    guard.run(spec(HOUR_MS), () => done),
    /keys are kept for at least 24 h/,
  );
});
