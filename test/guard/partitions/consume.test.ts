/** The loop of a worker, on leases whose answers the test commands. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { consumePartition } from '../../../src/guard/partitions/consume.js';
import type { Held } from '../../../src/guard/partitions/hold.js';
import type { HoldOptions, PartitionEvent } from '../../../src/guard/partitions/hold-options.js';
import type {
  Joined,
  Joining,
  Partition,
  PartitionLease,
  PartitionLeases,
  Renewed,
} from '../../../src/guard/partitions/leases.js';
import type { PartitionPolicy } from '../../../src/guard/partitions/policy.js';
import { until } from '../../harness/until.js';
import { gate } from '../support.js';
import { BLUE, GREEN } from './conformance.js';

type JoinAnswer = 'joins' | 'fails' | 'hangs' | 'other-revision' | 'full';

class CommandedLeases implements PartitionLeases {
  join_: JoinAnswer = 'joins';
  renew_: Renewed | 'fails' = 'held';
  readonly joinings: Joining[] = [];
  readonly renewals: (number | undefined)[] = [];
  readonly left: PartitionLease[] = [];
  readonly #late = gate();

  answerLate(): void {
    this.#late.open();
  }

  async join({ queue, partition }: Partition, joining: Joining): Promise<Joined> {
    this.joinings.push(joining);
    if (joining.maxWorkers === 0) return { kind: 'waits', why: 'paused' };
    if (this.join_ === 'hangs') await this.#late.opened;
    if (this.join_ === 'fails') throw new Error('the store is away');
    if (this.join_ === 'other-revision' || this.join_ === 'full')
      return { kind: 'waits', why: this.join_, retryMs: 5, holder: { ...GREEN, epoch: 1, workers: 1 } };
    return {
      kind: 'joined',
      lease: { queue, partition, ...BLUE, worker: joining.worker, leaseMs: joining.leaseMs, epoch: 1, token: 't' },
    };
  }

  renew(_lease: PartitionLease, maxWorkers: number | undefined): Promise<Renewed> {
    this.renewals.push(maxWorkers);
    return this.renew_ === 'fails' ? Promise.reject(new Error('the store is away')) : Promise.resolve(this.renew_);
  }

  leave(lease: PartitionLease): Promise<boolean> {
    this.left.push(lease);
    return Promise.resolve(true);
  }
}

interface Loop {
  readonly leases: CommandedLeases;
  readonly events: PartitionEvent[];
  readonly jobs: () => number;
  readonly said: (kind: PartitionEvent['kind']) => number;
  readonly is: (condition: () => boolean, what: string) => Promise<unknown>;
  readonly end: () => Promise<void>;
}

function start(
  options: Partial<HoldOptions> = {},
  job: (held: Held) => Promise<'worked' | 'empty'> = () => Promise.resolve('empty'),
  leases = new CommandedLeases(),
): Loop {
  const events: PartitionEvent[] = [];
  const ending = new AbortController();
  let jobs = 0;
  const done = consumePartition(
    {
      leases,
      queue: 'index',
      partition: 'p',
      ...BLUE,
      leaseMs: 300,
      idleMs: 5,
      signal: ending.signal,
      onEvent: (event) => events.push(event),
      ...options,
    },
    (held) => {
      jobs++;
      return job(held);
    },
  );
  return {
    leases,
    events,
    jobs: () => jobs,
    said: (kind) => events.filter((event) => event.kind === kind).length,
    is: (condition, what) => until(condition, { withinMs: 10_000, what, everyMs: 2 }),
    end: () => {
      ending.abort();
      return done;
    },
  };
}

test('one job follows another, the lease is renewed, and the end leaves it', async () => {
  const loop = start();
  await loop.is(() => loop.jobs() > 3 && loop.leases.renewals.length > 1, 'jobs and renewals');
  await loop.end();
  assert.equal(loop.leases.left.length, 1);
  assert.deepEqual(
    loop.events.map(({ kind }) => kind),
    ['joined', 'left'],
  );
});

test(
  'jobs that wait for nothing keep no timer from its turn: the lease is renewed, and the end comes',
  { timeout: 60_000 },
  async () => {
    const loop = start({ leaseMs: 30 }, () => Promise.resolve('worked'));
    await loop.is(() => loop.leases.renewals.length > 1, 'renewals');
    await loop.end();
    assert.equal(loop.leases.left.length, 1);
  },
);

test('a job that says neither that it worked nor that there was none is an error, and the next begins after a pause', async () => {
  const loop = start({}, () => Promise.resolve(undefined as unknown as 'worked'));
  await loop.is(() => loop.said('job-error') > 1, 'errors');
  await loop.end();
  const [told] = loop.events.filter((event) => event.kind === 'job-error');
  assert.match(String(told?.error), /the job gave a value of type undefined, expected "worked" or "empty"/);
});

test('the end waits for the job under way, which is not interrupted', async () => {
  const { opened, open } = gate();
  let wasLost = false;
  const loop = start({}, async ({ lost }) => {
    await opened;
    wasLost = lost.aborted;
    return 'worked';
  });
  await loop.is(() => loop.jobs() === 1, 'the job');
  const ended = loop.end();
  assert.equal(loop.leases.left.length, 0);
  open();
  await ended;
  assert.deepEqual([loop.jobs(), loop.leases.left.length, wasLost], [1, 1, false]);
});

test('batch rests while it is paused and goes on after; user-facing work goes on all the while (R29, A18)', async () => {
  let policy: PartitionPolicy | undefined = { batchPaused: true };
  const batch = start({ policy: () => policy });
  const userFacing = start({ policy: () => policy, flow: 'user-facing' });
  await userFacing.is(() => userFacing.jobs() > 2 && batch.said('waits') === 1, 'user-facing work');
  assert.equal(batch.jobs(), 0);
  policy = { batchPaused: false };
  await batch.is(() => batch.jobs() > 2, 'batch');
  policy = { batchPaused: true };
  await batch.is(() => batch.said('left') === 1, 'the pause');
  const jobs = batch.jobs();
  await userFacing.is(() => userFacing.jobs() > 20, 'more user-facing work');
  assert.equal(batch.jobs(), jobs);
  policy = undefined;
  await batch.is(() => batch.jobs() > jobs, 'batch without a record');
  await Promise.all([batch.end(), userFacing.end()]);
});

test('the cap goes to every join and renewal; 0 is a pause, and who is told that he is surplus leaves (R30)', async () => {
  let cap = 3;
  const loop = start({ policy: () => ({ batchPaused: false, capPerPartition: cap }), flow: 'user-facing' });
  await loop.is(() => loop.leases.renewals.length > 0, 'a renewal');
  assert.equal(loop.leases.joinings[0]?.maxWorkers, 3);
  assert.equal(loop.leases.renewals[0], 3);
  loop.leases.renew_ = 'surplus';
  loop.leases.join_ = 'full';
  await loop.is(() => loop.said('left') === 1, 'the surplus worker to leave');
  cap = 0;
  await loop.is(() => loop.events.some((event) => event.kind === 'waits' && event.why === 'paused'), 'the pause');
  await loop.end();
});

test('a lost lease aborts the job’s signal, and the loop joins anew', async () => {
  const loop = start({}, async ({ lost }) => {
    if (!lost.aborted) await once(lost, 'abort');
    return 'worked';
  });
  await loop.is(() => loop.jobs() === 1, 'the first job');
  loop.leases.renew_ = 'lost';
  await loop.is(() => loop.said('joined') >= 2, 'a second join');
  assert.equal(loop.said('lost'), 1);
  assert.equal(loop.leases.left.length, 0, 'a lost lease is not ours to leave');
  await loop.is(() => loop.said('lost') >= 2, 'the second loss');
  await loop.end();
});

test('a store that is away for less than the lease loses nothing; for longer, the lease is given up', async () => {
  const loop = start({ leaseMs: 1_500 });
  await loop.is(() => loop.said('joined') === 1, 'the join');
  loop.leases.renew_ = 'fails';
  await loop.is(() => loop.said('store-error') === 1, 'a failed renewal');
  loop.leases.renew_ = 'held';
  const renewals = loop.leases.renewals.length;
  await loop.is(() => loop.leases.renewals.length > renewals, 'a renewal');
  assert.equal(loop.said('lost'), 0);
  loop.leases.renew_ = 'fails';
  loop.leases.join_ = 'fails';
  await loop.is(() => loop.said('lost') === 1, 'the loss');
  const jobs = loop.jobs();
  await loop.is(() => loop.said('store-error') > 6, 'more failures');
  assert.equal(loop.jobs(), jobs);
  loop.leases.join_ = 'joins';
  await loop.is(() => loop.jobs() > jobs, 'the store to be back');
  await loop.end();
});

test('a lease that comes through after the time limit is given back', async () => {
  const loop = start({ leaseMs: 60 }, undefined, Object.assign(new CommandedLeases(), { join_: 'hangs' as const }));
  await loop.is(() => loop.said('store-error') === 1, 'the time limit');
  loop.leases.join_ = 'other-revision';
  await loop.is(() => loop.said('waits') === 1, 'the next look');
  assert.equal(loop.jobs(), 0);
  loop.leases.join_ = 'joins';
  loop.leases.answerLate();
  await loop.is(() => loop.leases.left.length > 0, 'the late lease to be given back');
  await loop.end();
});

test('why it waits is said once, however often it looks', async () => {
  const loop = start({}, undefined, Object.assign(new CommandedLeases(), { join_: 'other-revision' as const }));
  await loop.is(() => loop.leases.joinings.length > 5, 'several looks');
  assert.deepEqual(
    loop.events.map((event) => event.kind === 'waits' && event.why),
    ['other-revision'],
  );
  await loop.end();
});

test('a job that throws is told, and does not end the loop; nor does a sink that throws', async () => {
  const loop = start({}, () => Promise.reject(new Error('a bad job')));
  await loop.is(() => loop.said('job-error') > 1, 'two bad jobs');
  await loop.end();
  const deaf = start({
    onEvent: () => {
      throw new Error('a bad sink');
    },
  });
  await deaf.is(() => deaf.jobs() > 2, 'jobs');
  await deaf.end();
});

test('options that cannot be meant are refused before any lease is asked for', async () => {
  for (const [wrong, says] of [
    [{ leaseMs: 0 }, /leaseMs is 0/],
    [{ leaseMs: NaN }, /leaseMs is NaN/],
    [{ leaseMs: Infinity }, /leaseMs is Infinity/],
    [{ idleMs: -5 }, /idleMs is -5/],
    [{ queue: '' }, /options\.queue is empty/],
    [{ partition: undefined }, /options\.partition is of type undefined/],
    [{ revision: 7 }, /options\.revision is of type number/],
    [{ worker: '' }, /options\.worker is empty/],
    [{ flow: 'heavy' }, /options\.flow is "heavy", it must be batch or user-facing/],
    [{ policy: { batchPaused: true } }, /options\.policy is of type object/],
    [{ signal: undefined }, /options\.signal is missing/],
    [{ onEvent: undefined }, /options\.onEvent is missing/],
    [{ leases: {} }, /options\.leases is missing/],
  ] as const) {
    const leases = new CommandedLeases();
    const { end } = start({ leases, ...wrong } as unknown as Partial<HoldOptions>, undefined, leases);
    await assert.rejects(end(), says);
    assert.deepEqual(leases.joinings, []);
  }
});
