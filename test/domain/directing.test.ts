import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { closingDirective, type Directive } from '../../src/domain/directing.js';
import { isBefore } from '../../src/domain/release-record.js';
import { directiveWith } from './directives.js';
import { histories, perform } from './histories.js';
import { planWith } from './plans.js';
import { GROUND, supervision, World } from './world.js';

const HOUR_MS = 3_600_000;

/** Settles every telling as it comes, and keeps what was told. */
class Told extends World {
  readonly told: Directive[] = [];

  listen(): this {
    for (let effect = this.effect('control-queues'); effect !== undefined; effect = this.effect('control-queues')) {
      this.told.push(effect.directive);
      this.settle('control-queues', { kind: 'done' });
    }
    return this;
  }

  get last(): Directive {
    const last = this.told.at(-1);
    assert.ok(last);
    return last;
  }

  get said(): readonly string[] {
    return this.told.map(({ phase, batchPaused }) => `${phase}, batch ${batchPaused ? 'paused' : 'runs'}`);
  }
}

const failing = supervision('failed', 'fail');
const atStep = (step: number, over = {}): Told => {
  const world = new Told(planWith(over));
  world.untilFirstStep().listen();
  for (let at = 0; at < step; at += 1) {
    world.passStep().listen();
    world.raise().listen();
  }
  return world;
};

test('a promotion tells three things: paused, resumed after 25 %, promoted', () => {
  const world = atStep(4);
  world.passStep().settle('verify', { kind: 'verified', failures: [] }).settle('finalise', { kind: 'done' });
  world.listen();
  assert.deepEqual(world.said, ['climbing, batch paused', 'climbing, batch runs', 'promoted, batch runs']);
  const { last: promoted } = world;
  assert.deepEqual(world.told[0]?.revisions, { stable: GROUND.stable, candidate: world.plan.candidate });
  assert.deepEqual(promoted.revisions, { stable: world.plan.candidate });
  assert.deepEqual(promoted.revoked, [promoted.ramp.id]);
  assert.equal(promoted.keepKeysForMs, 24 * HOUR_MS + world.plan.drain.ceilingMs);
});

for (const [step, pausedThere] of [true, true, true, false, false].entries())
  test(`batch is ${pausedThere ? 'paused' : 'running'} at step ${step + 1} of 1, 5, 25, 50 and 100 %`, () => {
    assert.equal(atStep(step).last.batchPaused, pausedThere);
  });

test('batch resumes when the gate at 25 % has passed, before the weight is raised', () => {
  const world = atStep(2);
  assert.equal(world.last.batchPaused, true);
  world.passStep();
  assert.equal(world.phase, 'raising');
  assert.equal(world.listen().last.batchPaused, false);
});

test('a rollback resumes batch, revokes the ramp and takes the candidate its pins at once', () => {
  const world = atStep(1);
  const { ramp } = world.last;
  world.settle('supervise', failing).listen();
  assert.equal(world.phase, 'rolling-back');
  assert.equal(world.said.at(-1), 'held, batch runs');
  assert.deepEqual(world.last.revoked, [ramp.id]);
  assert.deepEqual(world.last.revisions, { stable: GROUND.stable });
});

test('the next ramp pauses batch again and remembers the ramps before it', () => {
  const world = atStep(1);
  const first = world.last.ramp;
  world.settle('supervise', failing).listen();
  world.settle('roll-back', { kind: 'done' });
  assert.equal(world.phase, 'cooling-off');
  world.pass(world.plan.retry.coolOffMs);
  world.listen();
  assert.equal(world.said.at(-1), 'climbing, batch paused');
  assert.deepEqual(world.last.revoked, [first.id]);
  assert.ok(world.last.ramp.epoch > first.epoch);
});

test('keys outlive a rollout that freezes: its whole climb, 72 h and a day; once it is over, its drain and a day', () => {
  const world = atStep(1);
  const soaks = world.plan.steps.reduce((sum, { soakMaxMs }) => sum + soakMaxMs, 0);
  const open = 24 * HOUR_MS + world.plan.limits.frozenMs + soaks + world.plan.drain.ceilingMs;
  assert.equal(world.last.keepKeysForMs, open);
  for (let failures = 0; failures < 2; failures += 1) {
    if (failures > 0) {
      world.pass(world.plan.retry.coolOffMs).settle('open-ramp', { kind: 'done' });
      world.settle('ensure-capacity', { kind: 'done' }).settle('warm-up', { kind: 'done' });
      world.settle('probe', { kind: 'probed', outcome: { judged: 20, serverErrors: 0, wrongRevision: 0, unanswered: 0 } });
      world.raise().passStep().raise();
    }
    world.settle('supervise', failing).settle('roll-back', { kind: 'done' });
  }
  assert.equal(world.phase, 'frozen');
  assert.equal(world.listen().said.at(-1), 'frozen, batch runs');
  assert.equal(world.last.keepKeysForMs, open);
  world.send('abort');
  world.listen();
  assert.equal(world.said.at(-1), 'rolled-back, batch runs');
  assert.equal(world.last.keepKeysForMs, 24 * HOUR_MS + world.plan.drain.ceilingMs);
});

test('the cap and the pins that the revisions tell are told', () => {
  const world = new Told(planWith({ capPerPartition: 3 }));
  const stablePins = { schemaRev: 6, indexHash: 'i', modelTag: 'm' };
  const candidatePins = { ...stablePins, schemaRev: 7 };
  world.settle('preflight', { kind: 'preflight', ground: { ...GROUND, stablePins, candidatePins } });
  const { capPerPartition, revisions } = world.listen().last;
  assert.equal(capPerPartition, 3);
  assert.deepEqual([revisions.stable.schemaPins, revisions.candidate?.schemaPins], [stablePins, candidatePins]);
});

test('a telling that was overtaken on its way is told anew with a higher sequence', () => {
  const world = new Told(planWith());
  world.settle('preflight', { kind: 'preflight', ground: GROUND });
  const pause = world.effect('control-queues');
  assert.equal(pause?.directive.batchPaused, true);
  world.settle('open-ramp', { kind: 'done' }).send('abort');
  const resume = world.effect('control-queues');
  assert.equal(resume?.directive.batchPaused, false);
  assert.ok(world.cancelled.has(pause.id) && isBefore(pause.directive, resume.directive));
  world.settleById(pause.id, { kind: 'done' });
  assert.ok(world.running.has(resume.id), 'the answer of the one that was overtaken settles nothing');
});

test('whatever happens, what is told only ever rises, and a rollout does not close before its end was told', () => {
  fc.assert(
    fc.property(histories, ([plan, acts]) => {
      const world = new World(plan);
      let last: Directive | undefined;
      for (const act of acts) {
        perform(world, act);
        const { directing } = world.state.ledger;
        const now = directing.kind === 'none' ? undefined : directing.directive;
        if (last !== undefined && now !== last) assert.ok(now !== undefined && isBefore(last, now));
        last = now;
        if (plan.connections.queues === undefined) assert.equal(now, undefined);
        const { phase } = world.state;
        if (world.decision.kind === 'finish' && now !== undefined && phase.kind === 'closed') {
          assert.equal(now.phase, phase.outcome === 'promoted' ? 'promoted' : 'rolled-back');
          assert.equal(directing.kind, 'told');
          assert.equal(now.batchPaused, false);
        }
      }
    }),
    { numRuns: 2_000 },
  );
});

test('the word that closes a release which was cut short comes after all that it said, and gives batch and pins back', () => {
  const { keepKeysForMs, weightBp: _weight, ...said } = directiveWith({ sequence: 7, revoked: ['9f3c1e~00000000'] });
  const record = { ...said, updatedAt: 1_000, keepKeysUntil: 1_000 + keepKeysForMs };
  const closing = closingDirective(record);
  assert.equal(isBefore(record, closing), true);
  assert.deepEqual(
    [closing.phase, closing.batchPaused, closing.revisions.candidate, closing.weightBp, closing.keepKeysForMs],
    ['rolled-back', false, undefined, 0, keepKeysForMs],
  );
  assert.deepEqual(closing.revoked, ['9f3c1e~00000000', said.ramp.id]);
  assert.equal(isBefore(closing, { ramp: { ...said.ramp, epoch: said.ramp.epoch + 1 }, sequence: 1 }), true);
});
