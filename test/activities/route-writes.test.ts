import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ApplicationFailure } from '@temporalio/activity';
import { createActivities } from '../../src/activities/create-activities.js';
import { permanent, transient } from '../../src/providers/errors.js';
import { Attempt, CANDIDATE, hang, intent, RAMP, STABLE, Stage, WHERE } from './fakes.js';

type Name = 'openRamp' | 'shiftWeight' | 'rollBack' | 'finalise';

function run(stage: Stage, name: Name, wanted = intent(), attempt = new Attempt({ startToCloseTimeoutMs: 10_000 })) {
  const activities = createActivities(stage.ports, stage.dependencies);
  return stage.clock.run(attempt.run(() => activities[name]({ where: WHERE, intent: wanted, leaseMs: 30_000 })));
}

test('a shift is done only when the router has converged', async () => {
  const stage = new Stage();
  stage.router.onConfirm = (call) => (call < 5 ? 'pending' : 'converged');
  assert.deepEqual(await run(stage, 'shiftWeight'), { kind: 'done' });
  assert.equal(stage.router.times('confirm'), 5);
});

test('a shift whose answer was lost is recognised as its own when it is written again', async () => {
  const stage = new Stage();
  stage.router.onApply = { kind: 'superseded', ramp: RAMP.id, sequence: 2 };
  assert.deepEqual(await run(stage, 'shiftWeight'), { kind: 'done' });
  assert.equal(stage.router.times('confirm'), 1);
});

test('a shift that a newer write overtook says by whom', async () => {
  const stage = new Stage();
  stage.router.onApply = { kind: 'superseded', ramp: RAMP.id, sequence: 2 };
  stage.router.route = { ...stage.router.route, sequence: 9 };
  assert.deepEqual(await run(stage, 'shiftWeight'), { kind: 'superseded', by: 'sequence 9 of this ramp' });
});

test('a shift on a revoked or lapsed ramp is superseded', async () => {
  for (const lease of ['revoked', 'lapsed'] as const) {
    const stage = new Stage();
    stage.router.onApply = { kind: 'revoked', ramp: RAMP.id, sequence: 2 };
    stage.router.route = { ...stage.router.route, lease };
    assert.equal((await run(stage, 'shiftWeight')).kind, 'superseded');
  }
});

test('an attempt ends before Temporal starts another beside it (I7)', async () => {
  const stage = new Stage();
  stage.router.onApply = hang;
  await assert.rejects(run(stage, 'shiftWeight'), (error) => error instanceof ApplicationFailure && !error.nonRetryable);
  assert.equal(stage.clock.monotonicMs(), 8_000);
  assert.equal(stage.clock.pending, 0);
});

test('a router that does not converge is written again by the next attempt', async () => {
  const stage = new Stage();
  stage.router.onConfirm = 'pending';
  await assert.rejects(run(stage, 'shiftWeight'), /has not converged within 8000 ms/);
  stage.router.onConfirm = 'failed';
  await assert.rejects(run(stage, 'shiftWeight'), /writing it again/);
});

test('opening a ramp whose lease has lapsed at weight 0 is done: nobody was on it', async () => {
  const stage = new Stage();
  stage.router.onApply = { kind: 'superseded', ramp: RAMP.id, sequence: 1 };
  stage.router.route = { ...stage.router.route, candidateBp: 0, effectiveBp: 0, sequence: 1, lease: 'lapsed' };
  assert.deepEqual(await run(stage, 'openRamp', intent({ candidateBp: 0, sequence: 1 })), { kind: 'done' });
});

test('a permanent error of the router is not tried again, and carries no secret', async () => {
  const stage = new Stage();
  stage.router.onApply = permanent('refused https://ops:s3cr3t-token@edge/api?token=abcdef with Bearer abcdefghijk');
  await assert.rejects(run(stage, 'openRamp'), (error) => {
    assert.ok(error instanceof ApplicationFailure);
    assert.equal(error.nonRetryable, true);
    assert.equal(error.type, 'Permanent');
    assert.doesNotMatch(JSON.stringify([error.message, error.stack, error.cause]), /s3cr3t|abcdef/);
    return true;
  });
});

test('a rollback revokes before it writes, and writes weight 0 whatever it was given', async () => {
  const stage = new Stage();
  stage.router.onApply = { kind: 'revoked', ramp: RAMP.id, sequence: 3 };
  stage.router.route = { ...stage.router.route, lease: 'revoked', effectiveBp: 0 };
  assert.deepEqual(await run(stage, 'rollBack', intent({ sequence: 3 })), { kind: 'done' });
  assert.deepEqual(stage.router.calls, ['revoke', 'apply', 'confirm', 'read']);
  assert.equal(stage.router.applied[0]?.candidateBp, 0);
});

test('a rollback tries weight 0 even where the revocation fails, and is not done without it', async () => {
  const stage = new Stage();
  stage.router.onRevoke = transient('connection refused');
  await assert.rejects(run(stage, 'rollBack'), /connection refused/);
  assert.equal(stage.router.times('apply'), 1);
});

test('what a provider calls permanent is tried again all the same in a rollback (I5)', async () => {
  const stage = new Stage();
  stage.router.onRevoke = permanent('no credentials');
  await assert.rejects(run(stage, 'rollBack'), (error) => error instanceof ApplicationFailure && !error.nonRetryable);
});

test('a rollback is not done while the router still gives the candidate users (I11)', async () => {
  const stage = new Stage();
  await assert.rejects(run(stage, 'rollBack'), /still gives the candidate 5 %/);
});

test('a rollback leaves a foreign route alone and says whose it is', async () => {
  const stage = new Stage();
  stage.router.onApply = permanent('held by another');
  stage.router.route = { ...stage.router.route, ramp: { id: 'x~1', epoch: 5, owner: 'somebody' }, effectiveBp: 9_000 };
  assert.deepEqual(await run(stage, 'rollBack'), { kind: 'superseded', by: 'somebody (ramp x~1)' });
});

test('finalising again after an unknown outcome is done when the candidate is stable', async () => {
  const stage = new Stage();
  stage.router.onFinalise = { kind: 'revoked', ramp: RAMP.id, sequence: 7 };
  stage.router.route = { ...stage.router.route, stable: { ...CANDIDATE, release: '' }, lease: 'revoked' };
  assert.deepEqual(await run(stage, 'finalise'), { kind: 'done' });
});

test('a finalise that a lapse overtook is not reported as done', async () => {
  const stage = new Stage();
  stage.router.onFinalise = { kind: 'revoked', ramp: RAMP.id, sequence: 7 };
  stage.router.route = { ...stage.router.route, stable: STABLE, lease: 'lapsed' };
  assert.deepEqual(await run(stage, 'finalise'), { kind: 'superseded', by: 'the lapse of its own lease' });
});

test('a local revocation that fails is tried again', async () => {
  const stage = new Stage();
  stage.router.onRevoke = permanent('gone');
  const activities = createActivities(stage.ports, stage.dependencies);
  const attempt = new Attempt({ isLocal: true, startToCloseTimeoutMs: 1_500 });
  await assert.rejects(
    stage.clock.run(attempt.run(() => activities.revokeRamp({ where: WHERE, ramp: RAMP }))),
    (error) => error instanceof ApplicationFailure && !error.nonRetryable,
  );
});

test('a cancelled shift ends as cancelled, not as failed', async () => {
  const stage = new Stage();
  stage.router.onConfirm = 'pending';
  const attempt = new Attempt({ startToCloseTimeoutMs: 10_000 });
  stage.clock.at(1_000, () => {
    attempt.environment.cancel();
  });
  await assert.rejects(run(stage, 'shiftWeight', intent(), attempt), { name: 'CancelledFailure' });
});
