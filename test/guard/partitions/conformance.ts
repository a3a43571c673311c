/** What every implementation of partition leases must do, run against the real servers. */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, test } from 'node:test';
import fc from 'fast-check';
import type {
  Joined,
  Joining,
  Partition,
  PartitionLease,
  PartitionLeases,
  PartitionOwner,
} from '../../../src/guard/partitions/leases.js';

export interface PartitionStage {
  readonly leases: PartitionLeases;
  /** Appends to the list `name` behind the fence of the lease. */
  readonly append: (lease: PartitionLease, name: string, value: string) => Promise<'written' | 'stale'>;
  readonly appended: (name: string) => Promise<string[]>;
  /** Lets so many milliseconds pass by the store's clock. */
  readonly pass: (ms: number) => Promise<void>;
  readonly stop: () => Promise<void>;
}

const LEASE_MS = 10_000;
export const BLUE: PartitionOwner = { release: 'r1', revision: 'blue' };
export const GREEN: PartitionOwner = { release: 'r2', revision: 'green' };

export const anyPartition = (): Partition => ({ queue: 'index', partition: randomUUID() });

export const joining = (owner: PartitionOwner, change: Partial<Joining> = {}): Joining => ({
  ...owner,
  worker: randomUUID(),
  leaseMs: LEASE_MS,
  maxWorkers: undefined,
  ...change,
});

export function leaseOf(joined: Joined): PartitionLease {
  assert.ok(joined.kind === 'joined', JSON.stringify(joined));
  return joined.lease;
}

export function partitionConformance(name: string, start: () => Promise<PartitionStage>, skip: string | false): void {
  let stage: PartitionStage;
  before(async () => {
    if (skip === false) stage = await start();
  });
  after(async () => {
    if (skip === false) await stage.stop();
  });
  const check = (title: string, body: (leases: PartitionLeases) => Promise<void>): void => {
    test(`${name}: ${title}`, { skip, timeout: 120_000 }, () => body(stage.leases));
  };
  const join = async (partition: Partition, owner: PartitionOwner, change: Partial<Joining> = {}): Promise<PartitionLease> =>
    leaseOf(await stage.leases.join(partition, joining(owner, change)));

  check('workers of one revision join under one epoch; another revision waits and is told who holds (R28)', async (leases) => {
    const partition = anyPartition();
    const [first, second] = [await join(partition, BLUE), await join(partition, BLUE)];
    assert.deepEqual([first.epoch, second.epoch], [1, 1]);
    const other = await leases.join(partition, joining(GREEN));
    assert.ok(other.kind === 'waits' && other.why === 'other-revision');
    assert.deepEqual(other.holder, { ...BLUE, epoch: 1, workers: 2 });
    assert.ok(other.retryMs > LEASE_MS / 2 && other.retryMs <= LEASE_MS);
  });

  check('the same revision of another release is another holder, and so is the reverse (A1)', async (leases) => {
    const partition = anyPartition();
    await join(partition, BLUE);
    for (const other of [
      { ...BLUE, release: 'r3' },
      { ...BLUE, revision: 'green' },
    ]) {
      const answer = await leases.join(partition, joining(other));
      assert.equal(answer.kind === 'waits' && answer.why, 'other-revision');
    }
  });

  check('another revision joins when the last worker has left, and the epoch grows', async (leases) => {
    const partition = anyPartition();
    const old = [await join(partition, BLUE), await join(partition, BLUE)] as const;
    assert.equal(await leases.leave(old[0]), true);
    assert.equal((await leases.join(partition, joining(GREEN))).kind, 'waits');
    assert.equal(await leases.leave(old[1]), true);
    assert.equal((await join(partition, GREEN)).epoch, 2);
    assert.equal(await leases.leave(old[1]), false);
  });

  check('a dead worker’s partition is free after its lease, and what it writes later is refused', async (leases) => {
    const partition = anyPartition();
    const list = randomUUID();
    const dead = await join(partition, BLUE, { leaseMs: 1_000 });
    assert.equal(await stage.append(dead, list, 'in time'), 'written');
    await stage.pass(1_100);
    assert.equal(await stage.append(dead, list, 'lapsed'), 'stale');
    const successor = await join(partition, GREEN);
    assert.equal(successor.epoch, 2);
    assert.equal(await stage.append(successor, list, 'successor'), 'written');
    assert.equal(await stage.append(dead, list, 'taken over'), 'stale');
    assert.equal(await leases.renew(dead, undefined), 'lost');
    assert.equal(await leases.leave(dead), false);
    assert.deepEqual(await stage.appended(list), ['in time', 'successor']);
  });

  check('a lapsed lease is never alive again: neither by a renewal nor because its own revision goes on', async (leases) => {
    const partition = anyPartition();
    const list = randomUUID();
    const lapsed = await join(partition, BLUE, { leaseMs: 1_000, maxWorkers: 2 });
    const sibling = await join(partition, BLUE, { maxWorkers: 2 });
    await stage.pass(1_100);
    assert.equal(await leases.renew(lapsed, undefined), 'lost');
    // Its place goes to another of the same epoch, which is why the epoch alone is no fence.
    const third = await join(partition, BLUE, { maxWorkers: 2 });
    assert.deepEqual([sibling.epoch, third.epoch], [1, 1]);
    assert.equal(await stage.append(lapsed, list, 'lapsed'), 'stale');
    assert.equal(await stage.append(third, list, 'third'), 'written');
  });

  check('a renewal keeps the lease, and others see how long', async (leases) => {
    const partition = anyPartition();
    const lease = await join(partition, BLUE, { leaseMs: 3_000 });
    for (let times = 0; times < 4; times++) {
      await stage.pass(900);
      assert.equal(await leases.renew(lease, undefined), 'held');
    }
    const other = await leases.join(partition, joining(GREEN));
    assert.ok(other.kind === 'waits' && other.why === 'other-revision' && other.retryMs > 1_500 && other.retryMs <= 3_000);
  });

  check('no more workers than the cap get in (R30); 0 is paused (R29)', async (leases) => {
    const partition = anyPartition();
    assert.deepEqual(await leases.join(partition, joining(BLUE, { maxWorkers: 0 })), { kind: 'waits', why: 'paused' });
    const first = await join(partition, BLUE, { maxWorkers: 2 });
    await join(partition, BLUE, { maxWorkers: 2 });
    const third = await leases.join(partition, joining(BLUE, { maxWorkers: 2 }));
    assert.ok(third.kind === 'waits' && third.why === 'full' && third.holder.workers === 2);
    await leases.leave(first);
    await join(partition, BLUE, { maxWorkers: 2 });
  });

  check('after the cap was lowered as many as are too many are told to leave, and always the same ones', async (leases) => {
    const partition = anyPartition();
    const all = await Promise.all(Array.from({ length: 5 }, () => join(partition, BLUE)));
    const ask = async (): Promise<string[]> => {
      const answers: string[] = [];
      for (const lease of all) answers.push(await leases.renew(lease, 2));
      return answers;
    };
    const answers = await ask();
    assert.equal(answers.filter((answer) => answer === 'held').length, 2);
    assert.equal(answers.filter((answer) => answer === 'surplus').length, 3);
    assert.deepEqual(await ask(), answers);
  });

  check('a worker that joins again replaces its own lease, so that a join may be repeated', async (leases) => {
    const partition = anyPartition();
    const list = randomUUID();
    const again = joining(BLUE, { maxWorkers: 1 });
    const old = leaseOf(await leases.join(partition, again));
    const renewed = leaseOf(await leases.join(partition, again));
    assert.equal(await stage.append(old, list, 'old'), 'stale');
    assert.equal(await stage.append(renewed, list, 'new'), 'written');
    await join(partition, BLUE);
    const third = leaseOf(await leases.join(partition, { ...again, maxWorkers: 2 }));
    assert.equal(third.epoch, renewed.epoch, 'with a sibling alive the epoch does not tell the two apart');
    assert.equal(await stage.append(renewed, list, 'replaced'), 'stale');
    // Not across revisions: a name that two processes share must not let a second one in.
    const other = await leases.join(partition, joining(GREEN, { worker: again.worker }));
    assert.equal(other.kind === 'waits' && other.why, 'other-revision');
  });

  check('partitions do not touch one another, whatever their names', async () => {
    const names = [
      { queue: 'a', partition: 'b:c' },
      { queue: 'a:b', partition: 'c' },
      { queue: 'a","b', partition: 'c' },
    ];
    for (const partition of names) assert.equal((await join(partition, BLUE)).epoch, 1);
  });

  check('nonsense is refused before it reaches the store', async (leases) => {
    const { release } = BLUE;
    await assert.rejects(leases.join({ queue: '', partition: 'p' }, joining(BLUE)), /needs a queue/);
    await assert.rejects(leases.join(anyPartition(), joining({ release, revision: '' })), /needs a revision/);
    await assert.rejects(leases.join(anyPartition(), joining(BLUE, { leaseMs: NaN })), RangeError);
    await assert.rejects(leases.join(anyPartition(), joining(BLUE, { maxWorkers: -1 })), RangeError);
  });

  check('of two revisions that join at once with many workers one gets in, up to its cap', async (leases) => {
    for (let round = 0; round < 10; round++) {
      const partition = anyPartition();
      const all = Array.from({ length: 24 }, (_, index) => joining(index % 2 === 0 ? BLUE : GREEN, { maxWorkers: 5 }));
      const answers = await Promise.all(all.map((one) => leases.join(partition, one)));
      const joined = answers.flatMap((answer) => (answer.kind === 'joined' ? [answer.lease] : []));
      assert.equal(joined.length, 5);
      assert.equal(new Set(joined.map(({ revision, epoch }) => `${revision} ${String(epoch)}`)).size, 1);
    }
  });

  check(
    'whatever is joined, renewed and left: one revision and one epoch, never over the cap, no way back (L1–L4)',
    async (leases) => {
      const step = fc.record({
        act: fc.constantFrom('join', 'join', 'leave', 'renew'),
        worker: fc.integer({ min: 0, max: 3 }),
        owner: fc.constantFrom(BLUE, GREEN),
        maxWorkers: fc.integer({ min: 0, max: 3 }),
      });
      await fc.assert(
        fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
          const partition = anyPartition();
          const alive = new Map<string, PartitionLease>();
          const dead: PartitionLease[] = [];
          let epoch = 0;
          for (const { act, worker, owner, maxWorkers } of steps) {
            const name = `w${String(worker)}`;
            const mine = alive.get(name);
            if (act === 'join') {
              const answer = await leases.join(partition, joining(owner, { worker: name, maxWorkers }));
              const others = [...alive.values()].filter((lease) => lease !== mine || lease.revision !== owner.revision);
              const fits = others.length === 0 || (others[0]?.revision === owner.revision && others.length < maxWorkers);
              assert.equal(answer.kind === 'joined', maxWorkers > 0 && fits);
              if (answer.kind !== 'joined') continue;
              assert.equal(answer.lease.epoch, others.length === 0 ? epoch + 1 : epoch);
              epoch = answer.lease.epoch;
              if (mine !== undefined) dead.push(mine);
              alive.set(name, answer.lease);
            } else if (mine !== undefined && act === 'leave') {
              assert.equal(await leases.leave(mine), true);
              alive.delete(name);
              dead.push(mine);
            } else if (mine !== undefined) {
              assert.notEqual(await leases.renew(mine, maxWorkers), 'lost');
            }
          }
          for (const lease of alive.values()) assert.equal(lease.epoch, epoch);
          for (const lease of dead) assert.equal(await leases.renew(lease, undefined), 'lost');
        }),
        { numRuns: 40 },
      );
    },
  );
}
