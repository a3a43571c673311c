/** Names the steps of a run on a real store, for programs that die or stall at one of them. */
import type pg from 'pg';
import type { StoreKey } from '../../src/guard/keys.js';
import type { StoredRecord } from '../../src/guard/record.js';
import type { Claim, Claimed, Store } from '../../src/guard/store.js';
import { gate } from './support.js';

export type Step = (name: string) => Promise<void> | void;

/** Steps: before and after "claim" and "seal". */
export class SteppingStore implements Store {
  constructor(
    private readonly inner: Store,
    private readonly step: Step,
  ) {}

  async claim(key: StoreKey, claim: Claim): Promise<Claimed> {
    await this.step('before claim');
    const claimed = await this.inner.claim(key, claim);
    await this.step('after claim');
    return claimed;
  }
  async complete(key: StoreKey, token: string, record: StoredRecord, retainMs: number): Promise<boolean> {
    await this.step('before seal');
    const sealed = await this.inner.complete(key, token, record, retainMs);
    await this.step('after seal');
    return sealed;
  }
  renew(key: StoreKey, token: string, leaseMs: number): Promise<boolean> {
    return this.inner.renew(key, token, leaseMs);
  }
  release(key: StoreKey, token: string, effect: 'unknown' | 'none'): Promise<boolean> {
    return this.inner.release(key, token, effect);
  }
}

/** Within a transaction: before and after "effect", "seal" and "commit". */
export async function stepThrough(db: pg.PoolClient, step: Step, key: string, name: string): Promise<void> {
  const query = db.query.bind(db) as (...words: unknown[]) => Promise<unknown>;
  const stepping = async (...words: unknown[]): Promise<unknown> => {
    const text = String(words[0]);
    const part = text === 'COMMIT' ? 'commit' : text.includes('UPDATE') ? 'seal' : 'other';
    await step(`before ${part}`);
    const answer = await query(...words);
    await step(`after ${part}`);
    return answer;
  };
  Object.assign(db, { query: stepping });
  await step('before effect');
  await query('INSERT INTO effects (key, worker) VALUES ($1, $2)', [key, name]);
  await step('after effect');
}

/** For `count` that run at once: each waits at the step of its turn; when all wait, the process stops itself with SIGSTOP. */
export function stoppingTogether(count: number, steps: readonly string[]): (index: number) => Step {
  const { opened, open } = gate();
  let waiting = 0;
  return (index) => async (name) => {
    if (name !== steps[index % steps.length]) return;
    if (++waiting === count) {
      process.kill(process.pid, 'SIGSTOP');
      open();
    }
    await opened;
  };
}
