/** Notices, directives and the janitor: done beside a rollout, never in its way. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ApplicationFailure } from '@temporalio/activity';
import { controlQueues } from '../../src/activities/control-queues.js';
import { createActivities } from '../../src/activities/create-activities.js';
import { sweepOrphans } from '../../src/activities/sweep-orphans.js';
import { closingDirective } from '../../src/domain/directing.js';
import type { ReleaseRecord } from '../../src/domain/release-record.js';
import { permanent, transient } from '../../src/providers/errors.js';
import { directiveWith } from '../domain/directives.js';
import { Attempt, OWNER, RAMP, Stage, WHERE, type FakeQueues } from './fakes.js';

const NOTICE = {
  where: { ...WHERE, connections: { ...WHERE.connections, notify: ['hook', 'chat'] } },
  severity: 'page' as const,
  title: 'frozen',
  text: 'why',
  id: 'notify/3',
};
const notify = (stage: Stage, attempt = new Attempt()) =>
  stage.clock.run(attempt.run(() => createActivities(stage.ports, stage.dependencies).notify(NOTICE)));

test('a notice goes to every connection under an id that a repetition keeps', async () => {
  const stage = new Stage();
  await notify(stage);
  assert.deepEqual(stage.notifiers['hook']?.sent, [
    { notice: { title: 'frozen', text: 'why', severity: 'page', rollout: OWNER }, id: `${OWNER}/notify/3` },
  ]);
  assert.equal(stage.notifiers['chat']?.sent.length, 1);
});

test('one connection that is down keeps the notice from nobody, and only it is asked again', async () => {
  const stage = new Stage();
  stage.notifiers['hook']!.failure = transient('502');
  const first = new Attempt();
  await assert.rejects(notify(stage, first), /hook: 502/);
  stage.notifiers['hook']!.failure = undefined;
  await notify(stage, new Attempt({ attempt: 2, heartbeatDetails: first.heartbeats.at(-1) }));
  assert.equal(stage.notifiers['hook']?.sent.length, 1);
  assert.equal(stage.notifiers['chat']?.sent.length, 1);
});

test('a notice that nobody can ever take is not tried again', async () => {
  const stage = new Stage();
  for (const notifier of Object.values(stage.notifiers)) notifier.failure = permanent('404');
  await assert.rejects(notify(stage), (error) => error instanceof ApplicationFailure && error.nonRetryable === true);
});

test('queues are told the whole state', async () => {
  const stage = new Stage();
  const directive = directiveWith({ ramp: RAMP, sequence: 4 });
  await stage.clock.run(
    new Attempt().run(controlQueues(stage.tools), {
      where: { ...WHERE, connections: { ...WHERE.connections, queues: 'jobs' } },
      ...directive,
    }),
  );
  assert.deepEqual(stage.queues.directives, [directive]);
});

const sweep = (stage: Stage) => stage.clock.run(new Attempt().run(sweepOrphans(stage.tools)));

test('a ramp whose rollout is not running is revoked', async () => {
  const stage = new Stage();
  const told = await sweep(stage);
  assert.equal(stage.router.times('revoke'), 1);
  assert.match(
    told.join(),
    /revoked ramp r2~00000001 of rollout\/test\/answer-api, which is not running; it gave the candidate 5 %/,
  );
});

test('a running rollout, a revoked ramp and a ramp of another owner are left alone', async () => {
  const running = new Stage();
  running.running.add(OWNER);
  const revoked = new Stage();
  revoked.router.route = { ...revoked.router.route, lease: 'revoked' };
  const foreign = new Stage();
  foreign.router.route = { ...foreign.router.route, ramp: { ...RAMP, owner: 'rollout/other/place' } };
  for (const stage of [running, revoked, foreign]) {
    assert.deepEqual(await sweep(stage), []);
    assert.equal(stage.router.times('revoke'), 0);
  }
});

test('not knowing whether a rollout runs is no permission to revoke', async () => {
  const stage = new Stage();
  const tools = {
    ...stage.tools,
    neighbourhood: { ...stage.tools.neighbourhood, isRunning: () => Promise.reject(new Error('unavailable')) },
  };
  await assert.rejects(stage.clock.run(new Attempt().run(sweepOrphans(tools))), /could not be swept: .*unavailable/);
  assert.equal(stage.router.times('revoke'), 0);
});

test('a route that cannot be reached keeps no other from being swept', async () => {
  const stage = new Stage();
  const routes = [
    { router: 'gone', target: WHERE.target },
    { router: 'edge', target: WHERE.target },
  ];
  const tools = { ...stage.tools, neighbourhood: { ...stage.tools.neighbourhood, routes: () => Promise.resolve(routes) } };
  const told = await stage.clock.run(new Attempt().run(sweepOrphans(tools)));
  assert.equal(told.length, 1);
});

const { keepKeysForMs: KEPT_MS, weightBp: _weight, ...SAID } = directiveWith({ ramp: RAMP, sequence: 4 });
const RECORD: ReleaseRecord = { ...SAID, updatedAt: 0, keepKeysUntil: KEPT_MS };

function stageWithRecord(held: FakeQueues['held']): { readonly stage: Stage; readonly round: () => Promise<readonly string[]> } {
  const stage = new Stage();
  stage.queues.held = held;
  const routes = [{ router: 'edge', queues: 'jobs', target: WHERE.target }];
  const tools = { ...stage.tools, neighbourhood: { ...stage.tools.neighbourhood, routes: () => Promise.resolve(routes) } };
  return { stage, round: () => stage.clock.run(new Attempt().run(sweepOrphans(tools))) };
}

test('the services of an orphaned ramp are told that it is over, so that batch runs again', async () => {
  const { stage, round } = stageWithRecord(RECORD);
  const told = await round();
  assert.equal(stage.router.times('revoke'), 1);
  assert.deepEqual(stage.queues.directives, [closingDirective(RECORD)]);
  assert.match(
    told.join(),
    /revoked ramp .*told the services of rollout\/test\/answer-api that ramp r2~00000001 is over; batch runs again/,
  );
});

test('a ramp that was revoked before, by hand or in a round that did not reach the services, is told to them all the same', async () => {
  const { stage, round } = stageWithRecord(RECORD);
  stage.router.route = { ...stage.router.route, lease: 'revoked' };
  await round();
  assert.deepEqual([stage.router.times('revoke'), stage.queues.directives.length], [0, 1]);
});

test('a record of another ramp or of a release that is over, and a rollout that runs, are told nothing', async () => {
  for (const held of [undefined, { ...RECORD, ramp: { ...RAMP, id: 'r3~00000002' } }, { ...RECORD, phase: 'held' as const }]) {
    const { stage, round } = stageWithRecord(held);
    await round();
    assert.deepEqual([stage.router.times('revoke'), stage.queues.directives], [1, []]);
  }
  const { stage, round } = stageWithRecord(RECORD);
  stage.running.add(OWNER);
  assert.deepEqual(await round(), []);
  assert.deepEqual(stage.queues.directives, []);
});

test('a store that is away keeps no ramp from being revoked, and is told in the next round', async () => {
  const { stage, round } = stageWithRecord(transient('ECONNREFUSED'));
  assert.match((await round()).join(), /^revoked ramp [^,]*, which is not running; it gave the candidate 5 %$/);
  stage.router.route = { ...stage.router.route, lease: 'revoked' };
  await assert.rejects(round(), /could not be swept: .*ECONNREFUSED/);
  stage.queues.held = RECORD;
  await round();
  assert.equal(stage.queues.directives.length, 1);
});
