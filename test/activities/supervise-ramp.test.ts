import assert from 'node:assert/strict';
import { test } from 'node:test';
import { superviseRamp } from '../../src/activities/supervise/supervise-ramp.js';
import type { Supervise, SuperviseResult } from '../../src/domain/effects.js';
import { judge, openEvidence } from '../../src/judge/judge.js';
import { learn } from '../../src/judge/look-back.js';
import { transient } from '../../src/providers/errors.js';
import {
  Attempt,
  CANDIDATE,
  errors,
  FakeSource,
  hang,
  POLICY,
  RAMP,
  ScriptedJudge,
  STABLE,
  Stage,
  verdict,
  WHERE,
} from './fakes.js';

const TICK_MS = 5_000;
const LEASE_MS = 30_000;

function supervise(overrides: Partial<Supervise> = {}): Supervise {
  return {
    kind: 'supervise',
    ramp: RAMP,
    stable: STABLE,
    candidate: CANDIDATE,
    step: 1,
    bucket: 0,
    policy: POLICY,
    from: { kind: 'begin' },
    bucketMs: 300_000,
    returnOnPass: true,
    known: 'judging',
    ...overrides,
  };
}

function watch(
  stage: Stage,
  overrides: Partial<Supervise> = {},
  attempt = new Attempt(),
  metrics: readonly string[] = ['prom'],
): Promise<SuperviseResult> {
  const where = { ...WHERE, connections: { ...WHERE.connections, metrics } };
  return stage.clock.run(
    attempt.run(superviseRamp(stage.tools), { where, supervise: supervise(overrides), tickMs: TICK_MS, leaseMs: LEASE_MS }),
  );
}

const passes = (from: number) =>
  new ScriptedJudge((tick) => [tick >= from ? verdict('pass', 'certified') : verdict('inconclusive', 'soaking')]);

test('a pass ends the bucket at once where it may, and every tick before renewed the lease', async () => {
  const stage = new Stage();
  stage.judge = passes(4);
  const result = await watch(stage);
  assert.equal(result.kind, 'passed');
  assert.equal(result.condition, 'judging');
  assert.equal(result.judgement?.verdict, 'pass');
  assert.equal(stage.clock.monotonicMs(), 3 * TICK_MS, 'the first tick is at once, the following ones five seconds apart');
  assert.equal(stage.router.times('renew'), 4);
  assert.deepEqual(
    stage.metrics.seen.filter((name) => name.startsWith('tick')),
    ['tick inconclusive', 'tick inconclusive', 'tick inconclusive', 'tick pass'],
  );
});

test('a bucket that may not advance goes on after a pass, to its end', async () => {
  const stage = new Stage();
  stage.judge = passes(1);
  const result = await watch(stage, { returnOnPass: false, bucketMs: 12_000 });
  assert.equal(result.kind, 'bucket-ended');
  assert.equal(result.judgement?.verdict, 'pass');
  assert.equal(stage.clock.monotonicMs(), 12_000, 'it ends on time, between two ticks');
  assert.equal(stage.router.times('renew'), 3);
});

test('a decisive failure revokes the ramp before it returns and renews nothing (R9, I14)', async () => {
  const stage = new Stage();
  stage.judge = new ScriptedJudge((tick) => [tick < 3 ? verdict('inconclusive', 'soaking') : verdict('fail', 'worse')]);
  const result = await watch(stage);
  assert.equal(result.kind, 'failed');
  assert.equal(result.judgement?.gates[0]?.reason, 'worse');
  assert.equal(stage.router.times('revoke'), 1);
  assert.equal(stage.router.times('renew'), 2, 'one for each tick that did not fail');
  assert.equal(stage.router.calls.at(-1), 'revoke');
});

test('a failing gate that only observes revokes nothing', async () => {
  const stage = new Stage();
  stage.judge = new ScriptedJudge((tick) => [
    verdict('fail', 'worse', { gate: 'latency', decisive: false }),
    verdict(tick < 2 ? 'inconclusive' : 'pass', tick < 2 ? 'soaking' : 'certified'),
  ]);
  const result = await watch(stage);
  assert.equal(result.kind, 'passed');
  assert.equal(stage.router.times('revoke'), 0);
});

test('it goes on revoking while the router cannot be reached, heartbeats, renews nothing and returns only when it holds', async () => {
  const stage = new Stage();
  stage.judge = new ScriptedJudge(() => [verdict('fail', 'worse')]);
  stage.router.onRevoke = (call) =>
    call < 60 ? Promise.reject(transient('connection refused')) : { kind: 'revoked', ramp: RAMP.id, sequence: 1 };
  const attempt = new Attempt();
  const result = await watch(stage, { bucketMs: 30_000 }, attempt);
  assert.equal(result.kind, 'failed');
  assert.equal(stage.router.times('revoke'), 60);
  assert.equal(stage.router.times('renew'), 0);
  assert.equal(attempt.heartbeats.length, 59, 'one for each try in vain');
  assert.ok(stage.clock.monotonicMs() > 90_000, 'the end of the bucket does not end the tries');
});

test('a revocation that hangs is tried again beside it', async () => {
  const stage = new Stage();
  stage.judge = new ScriptedJudge(() => [verdict('fail', 'worse')]);
  stage.router.onRevoke = (call) => (call === 1 ? hang() : { kind: 'revoked', ramp: RAMP.id, sequence: 1 });
  assert.equal((await watch(stage)).kind, 'failed');
  assert.ok(stage.clock.monotonicMs() < 3_000);
});

test('a failure whose revocation was cut short by a crash is revoked by the next attempt before anything else', async () => {
  const stage = new Stage();
  stage.judge = new ScriptedJudge(() => [verdict('fail', 'worse')]);
  stage.router.onRevoke = transient('connection refused');
  const first = new Attempt();
  stage.clock.at(20_000, () => {
    first.environment.cancel('WORKER_SHUTDOWN');
  });
  await watch(stage, {}, first);
  const readBefore = stage.source.cursors.length;
  stage.router.onRevoke = { kind: 'revoked', ramp: RAMP.id, sequence: 1 };
  const result = await watch(stage, {}, new Attempt({ attempt: 2, heartbeatDetails: first.heartbeats.at(-1) }));
  assert.equal(result.kind, 'failed');
  assert.equal(stage.source.cursors.length, readBefore, 'no reading was needed');
});

const failsOnErrors = (): ScriptedJudge =>
  new ScriptedJudge((_tick, reading) => [
    (reading.errors?.value.candidate.bad ?? 0) > 30 ? verdict('fail', 'worse') : verdict('inconclusive', 'soaking'),
  ]);

test('a source that hangs delays neither the verdict of another nor the tick', async () => {
  const stage = new Stage();
  const slow = (stage.sources['slow'] = new FakeSource());
  slow.onRead = hang;
  stage.source.onRead = (call) => errors(call * TICK_MS, [1_000 * call, 0], [50 * call, call < 3 ? 0 : 40]);
  stage.judge = failsOnErrors();
  const result = await watch(stage, {}, new Attempt(), ['slow', 'prom']);
  assert.equal(result.kind, 'failed');
  assert.equal(stage.clock.monotonicMs(), 2 * TICK_MS, 'the third tick, to the millisecond: who was late once is not waited for');
  assert.equal(stage.router.times('renew'), 2);
});

test('a source that hangs just when another shows the failure does not delay its verdict by a tenth of a second', async () => {
  const stage = new Stage();
  const other = (stage.sources['other'] = new FakeSource());
  other.onRead = (call) => (call < 3 ? {} : hang());
  stage.source.onRead = (call) => errors(call * TICK_MS, [1_000 * call, 0], [50 * call, call < 3 ? 0 : 40]);
  stage.judge = failsOnErrors();
  const result = await watch(stage, {}, new Attempt(), ['other', 'prom']);
  assert.equal(result.kind, 'failed');
  assert.ok(stage.clock.monotonicMs() - 2 * TICK_MS < 100, `${String(stage.clock.monotonicMs() - 2 * TICK_MS)} ms`);
  assert.equal(stage.router.times('renew'), 2);
});

test('a failure that a late source shows is acted on when it comes, not at the next tick', async () => {
  const stage = new Stage();
  stage.source.onRead = async (call) => {
    await stage.clock.sleep(3_000);
    return errors(call * TICK_MS, [1_000, 0], [50, call < 2 ? 0 : 40]);
  };
  stage.judge = failsOnErrors();
  const result = await watch(stage);
  assert.equal(result.kind, 'failed');
  assert.ok(stage.clock.monotonicMs() - (TICK_MS + 3_000) < 100, `${String(stage.clock.monotonicMs())} ms`);
  assert.equal(result.judgement?.verdict, 'fail');
  assert.equal(stage.clock.pending, 0);
});

test('what is looked at between two ticks counts once, at the tick', async () => {
  const stage = new Stage();
  const other = (stage.sources['other'] = new FakeSource());
  other.onRead = async () => {
    await stage.clock.sleep(1_000);
    return {};
  };
  stage.judge = new ScriptedJudge((tick) => [verdict(tick < 5 ? 'inconclusive' : 'pass', tick < 5 ? 'soaking' : 'certified')]);
  const result = await watch(stage, {}, new Attempt(), ['prom', 'other']);
  assert.deepEqual([result.kind, result.evidence], ['passed', 5]);
  assert.equal(stage.clock.monotonicMs(), 4 * TICK_MS + 1_000);
});

test('a source that answers late counts at the next tick, and its cursor goes on', async () => {
  const stage = new Stage();
  stage.source.onRead = async (call) => {
    await stage.clock.sleep(3_000);
    return errors(call * TICK_MS, [call, 0], [call, 0]);
  };
  const script = new ScriptedJudge((tick) => [verdict(tick < 5 ? 'inconclusive' : 'pass', tick < 5 ? 'soaking' : 'certified')]);
  stage.judge = script;
  const result = await watch(stage);
  assert.deepEqual(
    [...new Set(script.readings.map((reading) => reading.errors?.value.stable.requests))],
    [undefined, 1, 2, 3, 4],
  );
  assert.deepEqual(stage.source.cursors, ['begin', 1, 2, 3, 4]);
  assert.deepEqual(result.cursors, { prom: 4 });
});

test('what a source said last grows older while it is silent, so that the judge says when it is stale', async () => {
  const stage = new Stage();
  stage.source.onRead = (call) => (call === 1 ? errors(0, [9, 0], [1, 0], 500) : hang());
  const script = new ScriptedJudge((tick) => [verdict(tick < 4 ? 'inconclusive' : 'pass', tick < 4 ? 'soaking' : 'certified')]);
  stage.judge = script;
  await watch(stage);
  const ages = script.readings.map((reading) => reading.errors?.ageMs);
  assert.deepEqual(ages, [500, 500 + TICK_MS + 2_000, 500 + 2 * TICK_MS, 500 + 3 * TICK_MS]);
});

test('each connection is asked for what the rollout’s own gates measure there', async () => {
  const stage = new Stage();
  const other = (stage.sources['other'] = new FakeSource());
  const measure = { source: 'other', kind: 'mapped', comparison: 'stable' } as const;
  const gates = [
    { gate: 'custom:checkout', mode: 'sequential', tolerance: 0.01, required: false, consecutive: 3, measure },
  ] as const;
  stage.judge = passes(1);
  await watch(stage, { policy: { ...POLICY, gates } }, new Attempt(), ['prom', 'other']);
  assert.deepEqual([stage.source.pairs[0]?.custom, other.pairs[0]?.custom], [{}, { checkout: measure }]);
});

test('a blind judgement says what each connection had against it, without secrets, and a judgement that sees says nothing', async () => {
  const stage = new Stage();
  const other = (stage.sources['other'] = new FakeSource());
  stage.source.onRead = () => {
    throw new Error('http://metrics.test answered 503 to s3cr3t-token\u001b[2J');
  };
  other.absent = ['errors: no series of requests_total for candidate'];
  stage.judge = new ScriptedJudge((tick) => [tick < 6 ? verdict('blind', 'missing') : verdict('inconclusive', 'soaking')]);
  const seen = async (bucketMs: number) =>
    (await watch(stage, { known: 'blind', bucketMs }, new Attempt(), ['prom', 'other'])).judgement?.unread;
  assert.deepEqual(await seen(5_000), [
    'metrics "prom": http://metrics.test answered 503 to [redacted]?[2J',
    'metrics "other": errors: no series of requests_total for candidate',
  ]);
  assert.equal(await seen(60_000), undefined);
});

test('the first connection that measures a signal is believed, and a silent one leaves no zeros', async () => {
  const stage = new Stage();
  const second = (stage.sources['second'] = new FakeSource());
  stage.source.onRead = errors(0, [7, 0], [0, 0]);
  second.onRead = { ...errors(0, [99, 9], [0, 0]), queueAgeS: { at: 0, ageMs: 0, elapsedMs: 0, value: 3 } };
  const script = new ScriptedJudge(() => [verdict('pass', 'certified')]);
  stage.judge = script;
  await watch(stage, {}, new Attempt(), ['prom', 'second']);
  const merged = script.readings[0];
  assert.deepEqual([merged?.errors?.value.stable.requests, merged?.queueAgeS?.value, merged?.latency], [7, 3, undefined]);
});

test('resumed from the heartbeat of a lost worker it gives the verdicts that an undisturbed one gives', async () => {
  /** The verdicts on the first eleven readings, one or two attempts long. */
  const verdictsWith = async (lost: boolean): Promise<readonly unknown[]> => {
    const stage = new Stage();
    const verdicts: unknown[] = [];
    stage.judge = {
      openEvidence,
      learn,
      judge: (policy, evidence, reading) => {
        const judged = judge(policy, evidence, reading);
        verdicts.push(judged.verdicts);
        return judged;
      },
    };
    stage.source.onRead = (call) => errors((call - 1) * TICK_MS, [950 * call, call], [50 * call, Math.floor(call / 4)]);
    const first = new Attempt();
    if (lost)
      stage.clock.at(22_500, () => {
        first.environment.cancel('TIMED_OUT');
      });
    await watch(stage, { bucketMs: 60_000, returnOnPass: false }, first);
    if (lost)
      await watch(
        stage,
        { bucketMs: 60_000, returnOnPass: false },
        new Attempt({ attempt: 2, heartbeatDetails: first.heartbeats.at(-1) }),
      );
    return verdicts.slice(0, 11);
  };
  const undisturbed = await verdictsWith(false);
  assert.equal(undisturbed.length, 11);
  assert.deepEqual(await verdictsWith(true), undisturbed);
});

test('the bucket is as long as it was meant to be however many attempts share it', async () => {
  const stage = new Stage();
  const first = new Attempt();
  stage.clock.at(21_000, () => {
    first.environment.cancel('TIMED_OUT');
  });
  await watch(stage, { bucketMs: 60_000 }, first);
  const resumedAt = stage.clock.monotonicMs();
  const result = await watch(stage, { bucketMs: 60_000 }, new Attempt({ attempt: 2, heartbeatDetails: first.heartbeats.at(-1) }));
  assert.equal(result.kind, 'bucket-ended');
  assert.equal(stage.clock.monotonicMs() - resumedAt, 60_000 - 20_000, 'the last heartbeat was at 20 s');
});

test('an attempt that comes after the end of its bucket does not renew: nobody renews past it', async () => {
  const stage = new Stage();
  const result = await watch(
    stage,
    { bucketMs: 60_000 },
    new Attempt({ attempt: 2, scheduledTimestampMs: 1_000, currentAttemptScheduledTimestampMs: 62_000 }),
  );
  assert.equal(result.kind, 'bucket-ended');
  assert.equal(result.judgement, undefined);
  assert.equal(stage.router.times('renew'), 0);
});

test('the heartbeat of another bucket is not resumed from', async () => {
  const stage = new Stage();
  const other = new Attempt();
  await watch(stage, { bucket: 7, bucketMs: 20_000 }, other);
  stage.judge = passes(1);
  const result = await watch(
    stage,
    { bucket: 8, from: { kind: 'continue', evidence: 41, cursors: { prom: 'there' } } },
    new Attempt({ attempt: 2, heartbeatDetails: other.heartbeats.at(-1) }),
  );
  assert.equal(result.evidence, 42);
  assert.equal(stage.source.cursors.at(-1), 'there');
});

test('cancelled, it returns at once what it has gathered, and never throws', async () => {
  const stage = new Stage();
  const attempt = new Attempt();
  stage.source.onRead = (call) => (call < 3 ? errors(call * TICK_MS, [1, 0], [1, 0]) : hang());
  stage.clock.at(11_000, () => {
    attempt.environment.cancel();
  });
  const result = await watch(stage, {}, attempt);
  assert.equal(result.kind, 'interrupted');
  assert.equal(stage.clock.monotonicMs(), 11_000);
  assert.equal(result.judgement?.verdict, 'inconclusive');
  assert.deepEqual(result.cursors, { prom: 2 });
  assert.equal(stage.clock.pending, 0, 'no timer is left behind');
});

test('cancelled before its first tick it says so without a judgement', async () => {
  const stage = new Stage();
  const attempt = new Attempt();
  attempt.environment.cancel();
  const result = await watch(stage, {}, attempt);
  assert.equal(result.kind, 'interrupted');
  assert.equal(result.judgement, undefined);
  assert.equal(stage.router.times('renew'), 0);
});

test('a cancelled failure is revoked all the same', async () => {
  const stage = new Stage();
  const attempt = new Attempt();
  stage.judge = new ScriptedJudge(() => {
    attempt.environment.cancel();
    return [verdict('fail', 'worse')];
  });
  assert.equal((await watch(stage, {}, attempt)).kind, 'failed');
  assert.equal(stage.router.times('revoke'), 1);
});

test('blind is a judgement: the lease is renewed, and after three ticks people are told', async () => {
  const stage = new Stage();
  stage.source.onRead = transient('503');
  stage.judge = new ScriptedJudge(() => [verdict('blind', 'missing')]);
  const result = await watch(stage);
  assert.equal(result.kind, 'changed');
  assert.equal(result.condition, 'blind');
  assert.equal(stage.router.times('renew'), 3);
  assert.equal(stage.router.times('revoke'), 0);
});

test('a fresh source that sees little is idle, or at 100 % inconclusive, and not blind', async () => {
  const conditionAt = async (weightBp: number, stable: number, candidate: number, reason: 'no-canary' | 'no-baseline') => {
    const stage = new Stage();
    stage.source.onRead = (call) => errors(600_000 + call * TICK_MS, [stable, 0], [candidate, 0]);
    stage.judge = new ScriptedJudge(() => [verdict('blind', reason)]);
    return (await watch(stage, { policy: { ...POLICY, weightBp }, bucketMs: 60_000 })).condition;
  };
  assert.equal(await conditionAt(100, 120, 0, 'no-canary'), 'idle', '1 % of 120 requests is hardly one');
  assert.equal(await conditionAt(2_500, 1_200, 0, 'no-canary'), 'blind', 'a quarter of 1,200 is not none');
  assert.equal(await conditionAt(10_000, 0, 360, 'no-baseline'), 'inconclusive', 'there will never be a baseline');
});

test('blind that is known is held to the end of the bucket', async () => {
  const stage = new Stage();
  stage.judge = new ScriptedJudge(() => [verdict('blind', 'stale')]);
  const result = await watch(stage, { known: 'blind', bucketMs: 60_000 });
  assert.equal(result.kind, 'bucket-ended');
  assert.equal(result.condition, 'blind');
  assert.equal(stage.router.times('renew'), 12);
});

test('nobody is blind who saw at the last tick before the limit, however short that has been', async () => {
  for (const [seesFrom, condition] of [
    [12, 'judging'],
    [13, 'blind'],
  ] as const) {
    const stage = new Stage();
    stage.judge = new ScriptedJudge((tick) => [tick < seesFrom ? verdict('blind', 'stale') : verdict('inconclusive', 'soaking')]);
    const result = await watch(stage, { known: 'blind', bucketMs: 60_000 });
    assert.equal(result.kind, 'bucket-ended');
    assert.equal(result.condition, condition, `sees from tick ${String(seesFrom)} on`);
  }
});

test('two blind ticks are a blip: nobody is told', async () => {
  const stage = new Stage();
  stage.judge = new ScriptedJudge((tick) => [tick % 4 < 2 ? verdict('blind', 'stale') : verdict('inconclusive', 'soaking')]);
  const result = await watch(stage, { bucketMs: 60_000 });
  assert.equal(result.kind, 'bucket-ended');
  assert.equal(result.condition, 'judging');
});

test('a healthy source that says no requests is idle, not blind (A24)', async () => {
  const stage = new Stage();
  stage.source.onRead = (call) => errors(call * TICK_MS, [0, 0], [0, 0]);
  stage.judge = new ScriptedJudge((tick) => [tick < 12 ? verdict('inconclusive', 'soaking') : verdict('blind', 'no-baseline')]);
  const result = await watch(stage);
  assert.equal(result.kind, 'changed');
  assert.equal(result.condition, 'idle');
  assert.equal(stage.clock.monotonicMs(), 13 * TICK_MS, 'silence of less than a minute may be chance');
});

test('a stable without requests beside a busy candidate is a broken measurement and blind', async () => {
  const stage = new Stage();
  stage.source.onRead = (call) => errors(60_000 + call * TICK_MS, [0, 0], [500, 0]);
  stage.judge = new ScriptedJudge(() => [verdict('blind', 'no-baseline')]);
  assert.equal((await watch(stage)).condition, 'blind');
});

test('where every gate only observes there is nothing to be blind to: after the soak the step waits as an idle one (A24)', async () => {
  const stage = new Stage();
  stage.source.onRead = (call) => errors((call - 1) * TICK_MS, [900 * call, 0], [100 * call, 9 * call]);
  stage.judge = new ScriptedJudge(() => [verdict('fail', 'worse', { decisive: false })]);
  const result = await watch(stage);
  assert.equal(result.kind, 'changed');
  assert.equal(result.condition, 'idle');
  assert.equal(stage.clock.monotonicMs(), POLICY.soakMs + 2 * TICK_MS);
  assert.equal(stage.router.times('revoke'), 0);
});

test('without any gate in force the step is watched for its soak all the same', async () => {
  const stage = new Stage();
  stage.judge = new ScriptedJudge(() => []);
  const result = await watch(stage);
  assert.equal(result.condition, 'idle');
  assert.equal(stage.clock.monotonicMs(), POLICY.soakMs + 2 * TICK_MS);
});

test('inconclusive becomes a condition only once the soak is over', async () => {
  const stage = new Stage();
  stage.source.onRead = (call) => errors((call - 1) * TICK_MS, [call, 0], [call, 0]);
  stage.judge = new ScriptedJudge(() => [verdict('inconclusive', 'uncertain')]);
  const result = await watch(stage);
  assert.equal(result.kind, 'changed');
  assert.equal(result.condition, 'inconclusive');
  assert.equal(stage.clock.monotonicMs(), POLICY.soakMs + 2 * TICK_MS);
});

test('a pass after a known condition is a pass, and the condition is over', async () => {
  const stage = new Stage();
  stage.judge = passes(1);
  const result = await watch(stage, { known: 'inconclusive' });
  assert.equal(result.kind, 'passed');
  assert.equal(result.condition, 'judging');
});

test('a renewal that is refused ends the bucket as lapsed, with the length by the router’s clock', async () => {
  const stage = new Stage();
  stage.router.onRenew = (call) => {
    if (call < 4) return 'renewed';
    stage.router.route = { ...stage.router.route, lease: 'lapsed', effectiveBp: 0 };
    return 'lapsed';
  };
  const result = await watch(stage);
  assert.equal(result.kind, 'lapsed');
  assert.equal(result.forMs, 0);
  assert.equal(stage.router.times('revoke'), 0);
});

test('a worker that comes back after the lapse tells how long nobody was served', async () => {
  const stage = new Stage();
  const first = new Attempt();
  stage.clock.at(11_000, () => {
    first.environment.cancel('TIMED_OUT');
  });
  await watch(stage, {}, first);
  stage.router.onRead = { ...stage.router.route, lease: 'lapsed', effectiveBp: 0, at: 10_000 + 900_000 };
  const result = await watch(stage, {}, new Attempt({ attempt: 2, heartbeatDetails: first.heartbeats.at(-1) }));
  assert.equal(result.kind, 'lapsed');
  assert.equal(result.forMs, 900_000);
  assert.equal(stage.router.times('renew'), 3, 'a lapsed ramp is not renewed');
});

test('a router that came back with its safe value is a lapse', async () => {
  const stage = new Stage();
  stage.router.route = {
    stable: STABLE,
    candidate: undefined,
    effectiveBp: 0,
    candidateBp: 0,
    ramp: undefined,
    sequence: 0,
    lease: 'none',
    epoch: 1,
    at: 0,
  };
  assert.equal((await watch(stage)).kind, 'lapsed');
});

test('a newer ramp of the same rollout means that this one is over', async () => {
  const stage = new Stage();
  stage.router.route = { ...stage.router.route, ramp: { ...RAMP, id: 'r2~00000002', epoch: 2 } };
  assert.equal((await watch(stage)).kind, 'lapsed');
});

test('a route that somebody else holds is named and left alone', async () => {
  const stage = new Stage();
  stage.router.onRead = (call) =>
    call < 3 ? stage.router.route : { ...stage.router.route, ramp: { id: 'x~1', epoch: 9, owner: 'rollout/other/cluster' } };
  const result = await watch(stage);
  assert.equal(result.kind, 'foreign');
  assert.equal(result.condition, 'foreign');
  assert.equal(result.owner, 'rollout/other/cluster');
  assert.equal(stage.router.times('renew'), 2, 'a foreign route is not renewed');
  assert.equal(stage.router.times('revoke'), 0);
});

test('a weight changed by hand under the same sequence is a foreign change', async () => {
  const stage = new Stage();
  stage.router.onRead = (call) =>
    call < 3 ? stage.router.route : { ...stage.router.route, candidateBp: 9_000, effectiveBp: 9_000 };
  const result = await watch(stage);
  assert.equal(result.kind, 'foreign');
  assert.match(result.owner, /5 % to 90 %/);
});

test('the weight of the next step, written while this one is still watched, is no foreign change', async () => {
  const stage = new Stage();
  stage.router.onRead = (call) =>
    call < 3 ? stage.router.route : { ...stage.router.route, candidateBp: 2_500, effectiveBp: 2_500, sequence: 3 };
  assert.equal((await watch(stage, { bucketMs: 30_000, returnOnPass: false })).kind, 'bucket-ended');
});

test('a foreign hold goes on without renewing and without advancing, until the route is ours again', async () => {
  const stage = new Stage();
  stage.judge = passes(1);
  stage.router.onRead = (call) =>
    call < 5 ? { ...stage.router.route, ramp: { id: 'x~1', epoch: 9, owner: 'somebody' } } : stage.router.route;
  const result = await watch(stage, { known: 'foreign' });
  assert.equal(result.kind, 'passed');
  assert.equal(result.condition, 'judging');
  assert.equal(stage.router.times('renew'), 1);
  assert.equal(stage.clock.monotonicMs(), 4 * TICK_MS);
});

test('in a foreign hold a route that cannot be read counts as foreign', async () => {
  const stage = new Stage();
  stage.judge = passes(1);
  stage.router.onRead = transient('connection refused');
  const result = await watch(stage, { known: 'foreign', bucketMs: 30_000 });
  assert.equal(result.kind, 'bucket-ended');
  assert.equal(result.condition, 'foreign');
  assert.equal(stage.router.times('renew'), 0);
});

test('a router that hangs costs no tick: the verdict comes, and the lease runs out by itself', async () => {
  const stage = new Stage();
  stage.router.onRead = hang;
  stage.router.onRenew = hang;
  stage.judge = new ScriptedJudge((tick) => [tick < 4 ? verdict('inconclusive', 'soaking') : verdict('fail', 'worse')]);
  const result = await watch(stage);
  assert.equal(result.kind, 'failed');
  assert.ok(stage.clock.monotonicMs() < 3 * TICK_MS + 2_000);
  assert.equal(stage.clock.pending, 0);
});

test('refusals of schema pins that only the candidate gives put the weight to 0 and name the difference (R27)', async () => {
  const stage = new Stage();
  const refusals = (stable: number, candidate: number) => ({
    schemaRefusals: { at: 0, ageMs: 0, elapsedMs: 0, value: { stable, candidate } },
  });
  stage.source.onRead = (call) => ({
    ...errors(call * TICK_MS, [950 * call, 0], [50 * call, 0]),
    ...refusals(0, call < 3 ? 0 : 4),
  });
  const result = await watch(stage);
  assert.equal(result.kind, 'schema-mismatch');
  assert.match(result.difference.text, /refused 4 requests/);
  assert.equal(stage.router.times('revoke'), 1);
});

test('callers with wrong pins, refused by both revisions alike, are no mismatch', async () => {
  const stage = new Stage();
  stage.source.onRead = (call) => ({
    ...errors(call * TICK_MS, [950 * call, 0], [50 * call, 0]),
    schemaRefusals: { at: 0, ageMs: 0, elapsedMs: 0, value: { stable: 95 * call, candidate: 5 * call } },
  });
  assert.equal((await watch(stage, { bucketMs: 30_000 })).kind, 'bucket-ended');
});

const cameBack = (returns: number, violations: number, ageMs = 0) => ({
  stickiness: { at: 0, ageMs, elapsedMs: 0, value: { returns, violations } },
});

test('users who leave the candidate end the bucket before a pass does, and the ramp is not revoked (R18)', async () => {
  const stage = new Stage();
  stage.judge = passes(3);
  stage.source.onRead = (call) => ({
    ...errors(call * TICK_MS, [950 * call, 0], [50 * call, 0]),
    ...cameBack(100 * call, call < 3 ? 0 : 20),
  });
  const result = await watch(stage, { stickyBy: 'user' });
  assert.equal(result.kind, 'unsticky');
  assert.deepEqual(result.seen, { returns: 300, violations: 20 });
  assert.equal(result.judgement?.verdict, 'pass', 'what the gates said stands beside it');
  assert.equal(stage.router.times('revoke'), 0);
  assert.equal(stage.router.times('renew'), 3);
});

test('users who leave are no news where nobody asks, where too few left, and where the counts are stale', async () => {
  for (const [what, over, reading] of [
    ['nobody asks', {}, cameBack(100, 50)],
    ['too few', { stickyBy: 'user' }, cameBack(10_000, 50)],
    ['stale', { stickyBy: 'user' }, cameBack(100, 50, POLICY.staleMs + 1)],
  ] as const) {
    const stage = new Stage();
    stage.source.onRead = (call) => ({ ...errors(call * TICK_MS, [950 * call, 0], [50 * call, 0]), ...reading });
    assert.equal((await watch(stage, { ...over, bucketMs: 30_000 })).kind, 'bucket-ended', what);
  }
});

test('a gate that fails beside users who leave is a failure', async () => {
  const stage = new Stage();
  stage.judge = new ScriptedJudge(() => [verdict('fail', 'worse')]);
  stage.source.onRead = { ...errors(TICK_MS, [950, 0], [50, 0]), ...cameBack(100, 50) };
  assert.equal((await watch(stage, { stickyBy: 'user' })).kind, 'failed');
});

test('ticks keep their cadence however long each takes', async () => {
  const stage = new Stage();
  const at: number[] = [];
  stage.source.onRead = async () => {
    at.push(stage.clock.monotonicMs());
    await stage.clock.sleep(1_700);
    return {};
  };
  await watch(stage, { bucketMs: 31_000 });
  assert.deepEqual(at, [0, 5_000, 10_000, 15_000, 20_000, 25_000, 30_000]);
});

const SERVERS_GONE = 'the candidate green has no live servers, so that nobody is sent to it';
const FLOOR_LOST = 'stable blue has fewer than the 4 units held for it: a rollback may find no room for everybody';

test('a candidate without live servers is told once that has held for three ticks, and nothing else ends', async () => {
  const stage = new Stage();
  stage.router.route = { ...stage.router.route, liveServers: 0 };
  const result = await watch(stage);
  assert.deepEqual([result.kind, result.condition, result.alarms], ['changed', 'judging', [SERVERS_GONE]]);
  assert.equal(stage.router.times('renew'), 3);
});

test('an alarm that was told is not told again, and what was told is taken back when it has been over for three ticks', async () => {
  const stage = new Stage();
  stage.router.route = { ...stage.router.route, liveServers: 0 };
  const told = await watch(stage, { alarms: [SERVERS_GONE], bucketMs: 60_000 });
  assert.deepEqual([told.kind, told.alarms], ['bucket-ended', [SERVERS_GONE]]);
  stage.router.route = { ...stage.router.route, liveServers: 2 };
  const back = await watch(stage, { alarms: [SERVERS_GONE] });
  assert.deepEqual([back.kind, back.alarms], ['changed', undefined]);
});

test('servers that come and go within three ticks, or that the router cannot count, raise no alarm', async () => {
  const stage = new Stage();
  const { route } = stage.router;
  stage.router.onRead = (call) => ({ ...route, liveServers: call % 3 === 0 ? 1 : 0, at: stage.clock.monotonicMs() });
  assert.deepEqual((await watch(stage, { bucketMs: 60_000 })).alarms, undefined);
  stage.router.onRead = undefined;
  assert.deepEqual((await watch(stage, { bucketMs: 60_000 })).alarms, undefined);
});

test('stable under the units that are held for it is an alarm (A21, I8); a platform that does not answer is none', async () => {
  const stage = new Stage();
  const held = { ...WHERE.connections, capacity: 'autoscaler' };
  const supervised = (overrides: Partial<Supervise>): Promise<SuperviseResult> =>
    stage.clock.run(
      new Attempt().run(superviseRamp(stage.tools), {
        where: { ...WHERE, connections: held },
        supervise: supervise({ bucketMs: 60_000, ...overrides }),
        tickMs: TICK_MS,
        leaseMs: LEASE_MS,
      }),
    );
  stage.capacity.onUnits = 4;
  assert.equal((await supervised({ floor: 4 })).alarms, undefined);
  stage.capacity.onUnits = 3;
  assert.deepEqual((await supervised({ floor: 4 })).alarms, [FLOOR_LOST]);
  assert.equal((await supervised({})).alarms, undefined, 'nothing is held');
  stage.capacity.onUnits = transient('connection refused');
  assert.equal((await supervised({ floor: 4 })).alarms, undefined);
});
