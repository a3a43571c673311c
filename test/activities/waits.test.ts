/** warmUp, ensureCapacity and waitForDrain: they wait, and a worker that dies meanwhile does not start them over. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ensureCapacity } from '../../src/activities/ensure-capacity.js';
import { releaseCapacity } from '../../src/activities/release-capacity.js';
import { verifyDrain } from '../../src/activities/verify-drain.js';
import { waitForDrain } from '../../src/activities/wait-for-drain.js';
import { warmUp } from '../../src/activities/warm-up.js';
import type { WarmUpPlan } from '../../src/domain/plan.js';
import { transient } from '../../src/providers/errors.js';
import { Attempt, CANDIDATE, RAMP, STABLE, Stage, WHERE } from './fakes.js';

const OK = { cache: 'ok', model: 'ok', secrets: 'ok', vectors: 'ok' };
const warm = (stage: Stage, plan: Partial<WarmUpPlan> = {}, attempt = new Attempt()) =>
  stage.clock.run(
    attempt.run(warmUp(stage.tools), {
      where: WHERE,
      ramp: RAMP,
      candidate: CANDIDATE,
      leaseMs: 30_000,
      warmUp: { path: '/warm', holdMs: 5_000, timeoutMs: 60_000, ...plan },
    }),
  );

test('warm means that all four checks have been ok for the whole hold (R13, X1)', async () => {
  const stage = new Stage();
  stage.onFetch = () => stage.answer(200, OK);
  assert.deepEqual(await warm(stage), { kind: 'done' });
  assert.equal(stage.clock.monotonicMs(), 5_000);
  assert.equal(stage.router.times('renew'), 0, 'nobody is on the candidate');
});

test('a check that flaps begins the hold again', async () => {
  const stage = new Stage();
  let asked = 0;
  stage.onFetch = () => stage.answer(200, ++asked === 4 ? { ...OK, model: 'loading' } : OK);
  assert.deepEqual(await warm(stage), { kind: 'done' });
  assert.equal(stage.clock.monotonicMs(), 9_000);
});

test('what is not warm in time is named', async () => {
  const stage = new Stage();
  stage.onFetch = () => stage.answer(503, { cache: 'ok', model: 'loading', secrets: 'ok' });
  assert.deepEqual(await warm(stage), { kind: 'not-warm', failing: ['model: loading', 'vectors: missing'] });
  assert.equal(stage.clock.monotonicMs(), 60_000);
});

test('a bare 200 is not warm (X7), and neither is the warmth of somebody else', async () => {
  const bare = new Stage();
  bare.onFetch = () => bare.answer(200, 'OK');
  const result = await warm(bare, { timeoutMs: 3_000 });
  assert.equal(result.kind, 'not-warm');
  const other = new Stage();
  other.onFetch = () => other.answer(200, OK, 'blue');
  assert.deepEqual(await warm(other, { timeoutMs: 3_000 }), { kind: 'not-warm', failing: ['"blue" answered 200 in its place'] });
});

test('without a warm path there is nothing to wait for', async () => {
  const stage = new Stage();
  const attempt = new Attempt();
  const plan = { where: WHERE, ramp: RAMP, candidate: CANDIDATE, leaseMs: 30_000, warmUp: { holdMs: 5_000, timeoutMs: 60_000 } };
  assert.deepEqual(await stage.clock.run(attempt.run(warmUp(stage.tools), plan)), { kind: 'done' });
});

test('a retry of the warm-up has only what is left of the time', async () => {
  const stage = new Stage();
  stage.onFetch = () => stage.answer(503);
  await warm(stage, {}, new Attempt({ attempt: 2, heartbeatDetails: { elapsedMs: 50_000 } }));
  assert.equal(stage.clock.monotonicMs(), 10_000);
});

const drain = (stage: Stage, attempt = new Attempt(), limits = { minMs: 60_000, ceilingMs: 900_000 }) =>
  stage.clock.run(attempt.run(waitForDrain(stage.tools), { where: WHERE, of: STABLE, ...limits }));

test('a drain takes its least time though nothing is open (A12)', async () => {
  const stage = new Stage();
  assert.deepEqual(await drain(stage), { kind: 'drained', activeAtCeiling: 0 });
  assert.equal(stage.clock.monotonicMs(), 60_000);
});

test('then it waits until nothing is open any more', async () => {
  const stage = new Stage();
  stage.router.onInflight = (call) => ({ active: call < 31 ? 2 : 0, liveServers: 1, at: 0 });
  assert.deepEqual(await drain(stage), { kind: 'drained', activeAtCeiling: 0 });
  assert.equal(stage.clock.monotonicMs(), 90_000);
});

test('at the ceiling it says how many are open and kills nothing (R16, I9)', async () => {
  const stage = new Stage();
  stage.router.onInflight = { active: 3, liveServers: 1, at: 0 };
  assert.deepEqual(await drain(stage), { kind: 'drained', activeAtCeiling: 3 });
  assert.equal(stage.clock.monotonicMs(), 900_000);
  assert.deepEqual([...new Set(stage.router.calls)], ['inflight']);
});

test('a router that cannot count gives the streams all the time there is', async () => {
  const stage = new Stage();
  stage.router.onInflight = { active: undefined, liveServers: undefined, at: 0 };
  assert.deepEqual(await drain(stage), { kind: 'drained', activeAtCeiling: 0 });
  assert.equal(stage.clock.monotonicMs(), 900_000);
});

test('a count that fails now and then keeps the last one; one that never came is told', async () => {
  const stage = new Stage();
  stage.router.onInflight = (call) => (call < 3 ? { active: 4, liveServers: 1, at: 0 } : Promise.reject(transient('reset')));
  assert.deepEqual(await drain(stage, new Attempt(), { minMs: 1_000, ceilingMs: 10_000 }), {
    kind: 'drained',
    activeAtCeiling: 4,
  });
  const never = new Stage();
  never.router.onInflight = transient('reset');
  await assert.rejects(drain(never, new Attempt(), { minMs: 1_000, ceilingMs: 10_000 }), /could not be counted.*reset/);
});

test('a retry of the drain goes on where the lost worker stopped', async () => {
  const stage = new Stage();
  const first = new Attempt();
  stage.clock.at(40_500, () => {
    first.environment.cancel('TIMED_OUT');
  });
  await assert.rejects(drain(stage, first));
  assert.deepEqual(first.heartbeats.at(-1), { elapsedMs: 40_000 });
  await drain(stage, new Attempt({ attempt: 2, heartbeatDetails: first.heartbeats.at(-1) }));
  assert.equal(stage.clock.monotonicMs(), 40_500 + 20_000);
});

test('the verified drain reports who serves and what is still open', async () => {
  const stage = new Stage();
  const look = () =>
    stage.clock.run(new Attempt().run(verifyDrain(stage.tools), { where: WHERE, expected: CANDIDATE, drained: STABLE }));
  stage.router.onInflight = { active: 2, liveServers: 1, at: 0 };
  assert.deepEqual((await look()).findings, [
    'the router serves blue, expected green',
    '2 streams are still open on blue; nothing was killed',
  ]);
  stage.router.onInflight = { active: 0, liveServers: 1, at: 0 };
  stage.router.route = { ...stage.router.route, stable: { id: 'green', release: '' } };
  assert.deepEqual((await look()).findings, []);
});

const CONNECTED = { ...WHERE, connections: { ...WHERE.connections, capacity: 'autoscaler' } };
const ensure = (stage: Stage, attempt = new Attempt()) =>
  stage.clock.run(
    attempt.run(ensureCapacity(stage.tools), {
      where: CONNECTED,
      revision: CANDIDATE,
      units: 3,
      floor: { revision: STABLE, units: 4 },
    }),
  );

test('stable’s floor is held before the candidate is raised (I8), and the activity waits until it is ready', async () => {
  const stage = new Stage();
  stage.capacity.onEnsure = (call) => (call < 5 ? { kind: 'pending', units: 1 } : { kind: 'ready', units: 3 });
  assert.deepEqual(await ensure(stage), { kind: 'done' });
  assert.deepEqual(stage.capacity.calls.slice(0, 2), ['floor blue 4', 'ensure green 3']);
  assert.equal(stage.clock.monotonicMs(), 6_000);
});

test('capacity that fails, or does not come in time, is told in words', async () => {
  const failing = new Stage();
  failing.capacity.onEnsure = { kind: 'failed', reason: 'quota exceeded' };
  assert.deepEqual(await ensure(failing), { kind: 'capacity-failed', reason: 'quota exceeded' });
  const slow = new Stage();
  slow.capacity.onEnsure = { kind: 'pending', units: 1 };
  assert.deepEqual(await ensure(slow, new Attempt({ startToCloseTimeoutMs: 100_000 })), {
    kind: 'capacity-failed',
    reason: 'still 1 of 3 units of green after 80 s',
  });
});

test('where nothing controls capacity there is nothing to ask', async () => {
  const stage = new Stage();
  const result = await stage.clock.run(
    new Attempt().run(ensureCapacity(stage.tools), {
      where: WHERE,
      revision: CANDIDATE,
      units: 3,
      floor: { revision: STABLE, units: 4 },
    }),
  );
  assert.deepEqual(result, { kind: 'done' });
  assert.deepEqual(stage.capacity.calls, []);
});

const release = (stage: Stage, of = CANDIDATE) =>
  stage.clock.run(new Attempt().run(releaseCapacity(stage.tools), { where: CONNECTED, of }));

test('after a rollback the candidate is let go and stable’s floor is lifted', async () => {
  const stage = new Stage();
  stage.router.route = { ...stage.router.route, lease: 'revoked', effectiveBp: 0 };
  await release(stage);
  assert.deepEqual(stage.capacity.calls, ['floor green 0', 'floor blue 0', 'release green']);
});

test('a revision that serves, or that another rollout is raising, is never let go', async () => {
  const stage = new Stage();
  await release(stage, STABLE);
  await release(stage, CANDIDATE);
  assert.deepEqual(stage.capacity.calls, []);
});

test('a revision on which streams are open is not let go, and they are counted (I9)', async () => {
  const stage = new Stage();
  stage.router.route = { ...stage.router.route, lease: 'revoked', effectiveBp: 0 };
  stage.router.onInflight = { active: 2, liveServers: 1, at: 0 };
  assert.deepEqual(await release(stage), { stillOpen: 2 });
  assert.deepEqual(stage.capacity.calls, []);
});

test('an old revision is let go beside a new rollout, whose floor stays', async () => {
  const stage = new Stage();
  await release(stage, { id: 'grey', release: 'r0' });
  assert.deepEqual(stage.capacity.calls, ['floor grey 0', 'release grey']);
});
