import assert from 'node:assert/strict';
import { test } from 'node:test';
import { planWith } from './plans.js';
import { blockersOf } from '../../src/domain/blocking.js';
import { describeBlocker } from '../../src/domain/details.js';
import { GROUND, judged, supervision, World } from './world.js';

const MINUTE_MS = 60_000;

test('a healthy rollout climbs every step, bakes, verifies, finalises, drains and is promoted', () => {
  const world = new World(planWith());
  world.untilStep(4);
  assert.equal(world.phase, 'baking');
  world.passStep().settle('verify', { kind: 'verified', failures: [] }).settle('finalise', { kind: 'done' });
  world
    .settle('drain', { kind: 'drained', activeAtCeiling: 0 })
    .settle('verify-drain', { kind: 'drain-verified', findings: [] })
    .settle('keep-stable', { kind: 'done' });
  for (const effect of [...world.running.values()]) world.settleById(effect.id, { kind: 'done' });
  const { decision } = world;
  assert.equal(decision.kind, 'finish');
  assert.equal(decision.outcome.outcome, 'promoted');
  assert.deepEqual(
    world.routes.map((route) => route.bp),
    [0, 100, 500, 2_500, 5_000, 10_000, 0],
  );
});

test('what was learnt of stable while the candidate warmed up is where the first step begins, and no later one', () => {
  const world = new World(planWith({ lookBackMs: 3_600_000 }));
  world.settle('preflight', { kind: 'preflight', ground: GROUND }).settle('open-ramp', { kind: 'done' });
  world.settle('ensure-capacity', { kind: 'done' });
  assert.deepEqual(world.effect('warm-up')?.lookBack?.stable, GROUND.stable);
  world.settle('warm-up', { kind: 'done', learnt: { kind: 'learnt', evidence: 'an hour of stable' } });
  world.settle('probe', { kind: 'probed', outcome: { judged: 20, serverErrors: 0, wrongRevision: 0, unanswered: 0 } }).raise();
  assert.deepEqual(world.effect('supervise')?.from, { kind: 'begin', previous: 'an hour of stable' });
  world.passStep().raise();
  assert.deepEqual(world.effect('supervise')?.from, { kind: 'begin', previous: 1 });
});

test('the step below stays supervised while capacity is raised and the weight shifts', () => {
  const world = new World(planWith()).untilFirstStep();
  world.passStep();
  assert.equal(world.phase, 'raising');
  const bridge = world.effect('supervise');
  assert.equal(bridge?.step, 0);
  assert.equal(bridge.returnOnPass, false);
  world.settle('ensure-capacity', { kind: 'done' });
  assert.equal(world.effect('supervise')?.id, bridge.id);
  world.settle('shift', { kind: 'done' });
  assert.equal(world.effect('supervise')?.step, 1);
  assert.ok(world.cancelled.has(bridge.id));
});

test('a gate that fails at 25 % rolls back alone and at once, cools off, and a second failure at the step freezes', () => {
  const world = new World(planWith()).untilStep(2);
  world.settle('supervise', supervision('failed', 'fail'));
  assert.equal(world.phase, 'rolling-back');
  assert.deepEqual(
    [...world.running.values()]
      .filter((effect) => effect.kind !== 'notify' && effect.kind !== 'control-queues')
      .map((effect) => effect.kind),
    ['roll-back'],
  );
  world.settle('roll-back', { kind: 'done' });
  assert.equal(world.phase, 'cooling-off');
  world.pass(15 * MINUTE_MS);
  assert.equal(world.phase, 'opening');
  world.settle('open-ramp', { kind: 'done' }).settle('ensure-capacity', { kind: 'done' }).settle('warm-up', { kind: 'done' });
  world.settle('probe', { kind: 'probed', outcome: { judged: 20, serverErrors: 0, wrongRevision: 0, unanswered: 0 } }).raise();
  world.passStep().raise().passStep().raise();
  world.settle('supervise', supervision('failed', 'fail')).settle('roll-back', { kind: 'done' });
  assert.equal(world.phase, 'frozen');
});

test('a gross failure, a duplicate effect and a failure in the bake end the rollout without a retry', () => {
  const gross = new World(planWith())
    .untilStep(1)
    .settle('supervise', supervision('failed', 'fail', {}, { gross: true }))
    .settle('roll-back', { kind: 'done' });
  assert.equal(gross.phase, 'draining');
  const duplicate = new World(planWith())
    .untilStep(1)
    .settle('supervise', supervision('failed', 'fail', {}, { gate: 'dedupe', reason: 'duplicate-effect' }))
    .settle('roll-back', { kind: 'done' });
  assert.equal(duplicate.phase, 'draining');
  const bake = new World(planWith())
    .untilStep(4)
    .settle('supervise', supervision('failed', 'fail'))
    .settle('roll-back', { kind: 'done' });
  assert.equal(bake.phase, 'draining');
});

test('a pause holds the advance and never the gates', () => {
  const world = new World(planWith()).untilStep(1).send('pause');
  world.passStep();
  assert.equal(world.phase, 'soaking');
  assert.equal(world.effect('supervise')?.returnOnPass, false);
  world.settle('supervise', supervision('failed', 'fail'));
  assert.equal(world.phase, 'rolling-back');
});

test('resuming interrupts the running bucket, and the advance rests on the verdict that this returns', () => {
  const world = new World(planWith()).untilStep(1).send('pause').passStep().send('resume');
  assert.equal(world.effect('supervise'), undefined);
  const [id] = [...world.cancelled.keys()].filter((key) => key.startsWith('supervise/')).slice(-1);
  assert.ok(id);
  world.settleById(id, supervision('interrupted', 'inconclusive'));
  assert.equal(world.phase, 'soaking');
  world.send('pause').passStep().send('resume');
  const [again] = [...world.cancelled.keys()].filter((key) => key.startsWith('supervise/')).slice(-1);
  world.settleById(again ?? '', supervision('interrupted', 'pass'));
  assert.equal(world.phase, 'raising');
});

test('an approval holds before its step, refuses the wrong person and the starter, and lets the step begin', () => {
  const world = new World(
    planWith({ approvals: [{ beforeStep: 2, count: 1, approvers: ['oncall', 'ci'], notTheStarter: true }] }),
  ).untilStep(1);
  world.passStep();
  assert.equal(world.phase, 'soaking');
  world.send('approve', { by: { name: 'eve', verified: false } });
  assert.equal(world.answered(), 'refused');
  world.send('approve', { by: { name: 'ci', verified: false } });
  assert.equal(world.answered(), 'refused');
  world.send('approve', { by: { name: 'oncall', verified: false } });
  assert.equal(world.answered(), 'accepted');
  const [id] = [...world.cancelled.keys()].filter((key) => key.startsWith('supervise/')).slice(-1);
  world.settleById(id ?? '', supervision('interrupted', 'pass'));
  assert.equal(world.phase, 'raising');
});

test('an approval that nobody gives ends in a rollback at its limit', () => {
  const plan = planWith({ approvals: [{ beforeStep: 1, count: 1, approvers: [], notTheStarter: false }] });
  const world = new World(plan).untilFirstStep().passStep();
  world.pass(10 * MINUTE_MS + plan.limits.approvalMs);
  assert.equal(world.phase, 'rolling-back');
});

test('a blind source holds, and past its limit rolls back; five minutes of it do nothing', () => {
  const world = new World(planWith()).untilStep(2).settle('supervise', supervision('changed', 'blind', { condition: 'blind' }));
  assert.equal(world.phase, 'soaking');
  world.now += 5 * MINUTE_MS;
  world.settle('supervise', supervision('changed', 'inconclusive', { condition: 'judging' }));
  assert.equal(world.phase, 'soaking');
  world.settle('supervise', supervision('changed', 'blind', { condition: 'blind' }));
  world.now += 10 * MINUTE_MS;
  world.settle('supervise', supervision('bucket-ended', 'blind', { condition: 'blind' }));
  assert.equal(world.phase, 'rolling-back');
});

test('who is blind is told why, in the blocker and on the timeline', () => {
  const why = 'metrics "prom": http://metrics.test answered 503';
  const judgement = { ...judged('blind', 0), unread: [why, 'metrics "other": no answer'] };
  const world = new World(planWith()).untilStep(2);
  world.settle('supervise', supervision('changed', 'blind', { condition: 'blind', judgement }));
  const [blocker] = blockersOf(world.plan, world.state, world.now);
  assert.ok(blocker?.kind === 'blind' && describeBlocker(blocker).includes(`look at the metric source (${why}); rolls back at`));
  assert.equal(
    world.state.ledger.timeline.at(-1)?.what,
    `blind: the metrics say nothing that can be judged; ${why}; metrics "other": no answer`,
  );
});

test('abort is accepted in every phase before the promotion, twice as well, and the rollback waits for nothing', () => {
  for (const step of [0, 1, 2, 3, 4]) {
    const world = new World(planWith()).untilStep(step).send('abort').send('abort');
    assert.equal(world.answered(), 'accepted');
    assert.equal(world.phase, 'rolling-back');
    assert.ok(world.effect('roll-back'));
    world.settle('roll-back', { kind: 'done' });
    assert.equal(world.phase, 'draining');
  }
  const early = new World(planWith()).send('abort');
  assert.equal(early.phase, 'closed');
});

test('a cancel request is an abort', () => {
  assert.equal(new World(planWith()).untilStep(2).cancel().phase, 'rolling-back');
});

test('the same request is applied once and answered alike', () => {
  const world = new World(planWith())
    .untilStep(1)
    .send('pause', { requestId: 'r1' })
    .send('resume', { requestId: 'r2' })
    .send('pause', { requestId: 'r1' });
  assert.equal(world.state.ledger.pause.kind, 'none');
});

test('a lapse opens a new ramp at the same step, and the third lapse ends the rollout', () => {
  const world = new World(planWith()).untilStep(2);
  const lapse = {
    kind: 'supervised',
    result: { kind: 'lapsed', forMs: 5_000, evidence: 1, cursors: {}, condition: 'judging' },
  } as const;
  for (const expected of ['opening', 'opening', 'draining']) {
    world.settle('supervise', lapse).settle('roll-back', { kind: 'done' });
    assert.equal(world.phase, expected);
    if (expected !== 'opening') return;
    world.settle('open-ramp', { kind: 'done' }).settle('ensure-capacity', { kind: 'done' }).settle('warm-up', { kind: 'done' });
    world.settle('probe', { kind: 'probed', outcome: { judged: 20, serverErrors: 0, wrongRevision: 0, unanswered: 0 } }).raise();
    assert.equal(world.effect('supervise')?.step, 2);
  }
});

test('a schema mismatch holds at weight 0, counts as no failure, and a retry opens a new ramp', () => {
  const world = new World(planWith()).untilStep(1);
  const difference = { stable: { schemaRev: 7 }, candidate: { schemaRev: 8 }, text: 'SCHEMA_REV 7 against 8' };
  world
    .settle('supervise', {
      kind: 'supervised',
      result: { kind: 'schema-mismatch', difference, evidence: 1, cursors: {}, condition: 'judging' },
    })
    .settle('roll-back', { kind: 'done' });
  assert.equal(world.phase, 'schema-held');
  assert.deepEqual(world.state.ledger.failures, [0, 0, 0, 0, 0]);
  assert.equal(world.send('retry').phase, 'opening');
});

test('preflight refusals end the rollout as refused, with every reason', () => {
  const world = new World(planWith()).settle('preflight', { kind: 'refused', reasons: ['foreign route', 'no metrics'] });
  assert.equal(world.phase, 'closed');
  assert.match(world.state.ledger.timeline.at(-1)?.what ?? '', /foreign route; no metrics/);
});

test('a closed change window holds at weight 0 without any limit and opens by itself', () => {
  const plan = planWith({
    changeWindows: [{ fromMinute: 60, toMinute: 120 }],
    connections: { router: 'edge', metrics: ['prom'], notify: [] },
  });
  const world = new World(plan);
  world.now = 4 * 24 * 60 * MINUTE_MS;
  world
    .settle('preflight', { kind: 'preflight', ground: GROUND })
    .settle('open-ramp', { kind: 'done' })
    .settle('warm-up', { kind: 'done' });
  world.settle('probe', { kind: 'probed', outcome: { judged: 20, serverErrors: 0, wrongRevision: 0, unanswered: 0 } });
  const { decision } = world;
  assert.equal(world.phase, 'raising');
  assert.deepEqual(decision.kind === 'run' && decision.wake, { kind: 'at', at: 4 * 24 * 60 * MINUTE_MS + 60 * MINUTE_MS });
  world.pass(60 * MINUTE_MS);
  assert.equal(world.phase, 'shifting');
});

test('skip goes on without a pass and is recorded with who and why; it does not pass over a missing approval', () => {
  const world = new World(planWith({ approvals: [{ beforeStep: 2, count: 1, approvers: [], notTheStarter: false }] }))
    .untilFirstStep()
    .send('skip');
  assert.equal(world.phase, 'raising');
  assert.equal(world.state.ledger.timeline.at(-1)?.by.name, 'ann');
  world.raise().send('skip');
  assert.equal(world.answered(), 'refused');
});

test('a gate that fails right after a skip still rolls back', () => {
  const world = new World(planWith()).untilFirstStep().send('skip');
  world.settle('supervise', supervision('failed', 'fail'));
  assert.equal(world.phase, 'rolling-back');
});

test('an idle service is accepted on probes only where the plan says so, and is never called a pass', () => {
  const world = new World(planWith({ idleThen: 'accept-on-probes' })).untilFirstStep();
  world.settle('supervise', supervision('changed', 'blind', { condition: 'idle' }));
  world.settle('probe', { kind: 'probed', outcome: { judged: 20, serverErrors: 0, wrongRevision: 0, unanswered: 0 } });
  assert.equal(world.phase, 'raising');
  assert.ok(world.state.ledger.timeline.some((entry) => entry.what.startsWith('accepted on probes')));
  assert.ok(!world.state.ledger.timeline.some((entry) => /passed$/.test(entry.what) && entry.what.startsWith('step')));
});

test('a resume that interrupts a bucket which has not begun yet is followed by one that returns on a pass', () => {
  const world = new World(planWith()).untilStep(1).send('pause').passStep();
  const { id, returnOnPass } = world.effect('supervise')!;
  assert.equal(returnOnPass, false);
  world.send('resume').settleById(id, { kind: 'interrupted' });
  assert.equal(world.effect('supervise')?.returnOnPass, true, 'or the advance would wait for the end of a bucket');
  assert.equal(world.passStep().phase, 'raising');
});

test('batch work is paused from the opening to the end of the 25 % step and resumed on a rollback', () => {
  const world = new World(planWith());
  world.settle('preflight', { kind: 'preflight', ground: GROUND });
  assert.equal(world.effect('control-queues')?.directive.batchPaused, true);
  world.settle('control-queues', { kind: 'done' }).settle('open-ramp', { kind: 'done' }).send('abort');
  assert.equal(world.effect('control-queues')?.directive.batchPaused, false);
});

test('a rollback that the router does not confirm pages somebody after 30 s, once, and goes on', () => {
  const world = new World(planWith()).untilStep(2).send('abort');
  world.pass(29_000);
  assert.ok(![...world.running.values()].some((effect) => effect.kind === 'notify' && /not confirmed/.test(effect.title)));
  world.pass(1_000).pass(60_000);
  assert.equal(
    [...world.running.values()].filter((effect) => effect.kind === 'notify' && /not confirmed/.test(effect.title)).length,
    1,
  );
  assert.ok(world.effect('roll-back'));
});
