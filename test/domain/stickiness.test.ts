import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { RolloutPlan } from '../../src/domain/plan.js';
import { isViolated, nextPin } from '../../src/domain/stickiness.js';
import type { RolloutState } from '../../src/domain/state.js';
import type { StickyBy } from '../../src/domain/words.js';
import { planWith } from './plans.js';
import { GROUND, supervision, usersLeft, World } from './world.js';

const LEFT = { returns: 300, violations: 14 };

const by = (...stickyBy: readonly StickyBy[]): Pick<RolloutPlan, 'sticky' | 'stickyBy'> => ({ sticky: true, stickyBy });
const said = (state: RolloutState): readonly string[] => state.ledger.timeline.map(({ what }) => what);
const shifts = (world: World): readonly (readonly [bp: number, by: StickyBy])[] =>
  world.routes.filter(({ why }) => why === 'shift').map(({ bp, stickyBy }) => [bp, stickyBy]);

void test('ten departures that are more than a hundredth of the returns are a violation, and nothing less is', () => {
  const table: [returns: number, violations: number, violated: boolean][] = [
    [0, 0, false],
    [9, 9, false],
    [10, 10, true],
    [999, 10, true],
    [1_000, 10, false],
    [1_000, 11, true],
    [100_000, 900, false],
  ];
  for (const [returns, violations, violated] of table)
    assert.equal(isViolated({ returns, violations }), violated, `${String(violations)} of ${String(returns)}`);
});

void test('the next pin is the next of the plan that the router can', () => {
  const router = (...stickyBy: readonly StickyBy[]) => ({ sticky: 'key-hash' as const, stickyBy });
  const all = router('user', 'cookie', 'header');
  const next = (plan: Partial<RolloutPlan>, now: StickyBy | undefined, can: Parameters<typeof nextPin>[2]) =>
    nextPin(planWith(plan), now === undefined ? {} : { stickyBy: now }, can);
  assert.equal(next(by('user', 'cookie', 'header'), undefined, all), 'cookie');
  assert.equal(next(by('user', 'cookie', 'header'), 'cookie', all), 'header');
  assert.equal(next(by('user', 'cookie', 'header'), 'header', all), undefined);
  assert.equal(next(by('user', 'cookie', 'header'), undefined, router('user', 'header')), 'header');
  assert.equal(next(by('user', 'cookie'), undefined, { sticky: 'key-hash' }), undefined, 'a router of before knows users alone');
  assert.equal(next({ sticky: true }, undefined, all), undefined, 'a plan of before names no other');
  assert.equal(next({ sticky: false }, undefined, all), undefined, 'nobody was to stay');
});

void test('users who leave are dealt anew by the next pin: the same weight, the next sequence, a soak and evidence of its own', () => {
  const world = new World(planWith(by('user', 'cookie'))).untilStep(1);
  const first = world.effect('supervise');
  assert.equal(first?.stickyBy, 'user');
  world.settle('supervise', supervision('bucket-ended', 'inconclusive')).pass(60_000);
  world.settle('supervise', usersLeft(LEFT, 'pass'));
  assert.equal(
    said(world.state).at(-1),
    "stickiness violated: 14 of 300 returning users' requests left the candidate; users are told apart by cookie from now on (was: user)",
  );
  assert.equal(world.phase, 'shifting');
  assert.ok(world.effect('supervise'), 'I4: the step stays supervised');
  assert.equal(world.effect('supervise')?.stickyBy, undefined, 'who left is asked again only once users have been dealt anew');
  const bridging = world.effect('supervise')?.bucket ?? 0;
  world.settle('shift', { kind: 'done' });
  assert.deepEqual(shifts(world), [
    [100, 'user'],
    [500, 'user'],
    [500, 'cookie'],
  ]);
  const [before, after] = world.routes.slice(-2);
  assert.equal(after?.ramp, before?.ramp);
  assert.equal(after?.sequence, (before?.sequence ?? 0) + 1);
  const again = world.effect('supervise');
  assert.equal(again?.stickyBy, 'cookie');
  assert.equal(again.from.kind, 'begin');
  assert.equal(again.policy.earlierEntries, 1, 'the judge pays for the step a second time');
  assert.ok(again.bucket > bridging, 'no two supervisions of a ramp have one id');
  world.passStep().raise();
  assert.deepEqual(shifts(world).at(-1), [2_500, 'cookie'], 'the pin stays');
});

void test('where the plan names nothing next, people are told once a step and the rollout goes on', () => {
  const world = new World(planWith(by('user'))).untilFirstStep();
  world.settle('supervise', usersLeft(LEFT));
  assert.equal(world.phase, 'soaking');
  const alarm =
    "alarm: stickiness violated: 14 of 300 returning users' requests left the candidate; users are told apart by user, and the plan names no pin after it that the router can";
  assert.equal(said(world.state).at(-1), alarm);
  assert.equal(world.effect('notify')?.severity, 'warning');
  assert.equal(world.effect('supervise')?.stickyBy, undefined, 'nobody asks again in this step');
  world.passStep().raise();
  assert.equal(world.effect('supervise')?.stickyBy, 'user', 'the next step asks');
  world.settle('supervise', usersLeft(LEFT)).passStep().raise();
  assert.equal(said(world.state).filter((what) => what === alarm).length, 2);
  assert.deepEqual(
    shifts(world).map(([, pin]) => pin),
    ['user', 'user', 'user'],
  );
});

void test('the pin that was reached outlives a rollback: the next ramp begins with it', () => {
  const world = new World(planWith(by('user', 'cookie', 'header'))).untilStep(1);
  world.settle('supervise', usersLeft(LEFT)).settle('shift', { kind: 'done' });
  world.settle('supervise', supervision('failed', 'fail')).settle('roll-back', { kind: 'done' });
  world.pass(world.plan.retry.coolOffMs);
  assert.equal(world.effect('open-ramp')?.intent.stickyBy, 'cookie');
});

void test('nobody asks at 100 %, nor where chance decides on every request', () => {
  const last = new World(planWith(by('user', 'cookie'))).untilStep(4);
  assert.equal(last.phase, 'baking');
  assert.equal(last.effect('supervise')?.stickyBy, undefined);
  const drawn = new World(planWith({ sticky: false })).untilFirstStep();
  assert.equal(drawn.effect('supervise')?.stickyBy, undefined);
});

void test('a route says a pin only where it is not the one that every router knows', () => {
  const cookie = new World(planWith(by('cookie'))).settle('preflight', { kind: 'preflight', ground: GROUND });
  assert.equal(cookie.effect('open-ramp')?.intent.stickyBy, 'cookie');
  const user = new World(planWith(by('user'))).settle('preflight', { kind: 'preflight', ground: GROUND });
  assert.ok(!('stickyBy' in (user.effect('open-ramp')?.intent ?? {})));
});
