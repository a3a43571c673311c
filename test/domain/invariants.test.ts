/** The invariants of design.md §2 over random histories. `SLUICE_HISTORIES` sets how many (100,000 by `npm run test:properties`). */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { decide } from '../../src/domain/decide.js';
import type { Effect } from '../../src/domain/effects.js';
import { evolve } from '../../src/domain/evolve.js';
import { pinsOf } from '../../src/domain/stickiness.js';
import { weightOf } from '../../src/domain/telling.js';
import { watchOf } from '../../src/domain/watching.js';
import { histories, perform, type Act } from './histories.js';
import { World } from './world.js';

const numRuns = Number(process.env['SLUICE_HISTORIES'] ?? 20_000);

/** Looks at the world before and after each act of each history. */
function always(look: (world: World, before: Before, act: Act) => void): void {
  fc.assert(
    fc.property(histories, ([plan, acts]) => {
      const world = new World(plan);
      let after = 0;
      for (const act of acts) {
        if (world.phase === 'closed' && (after += 1) > 5) break;
        const before: Before = {
          phase: world.state.phase,
          ledger: world.state.ledger,
          routes: world.routes.length,
          weightBp: weightOf(plan, world.state.phase),
        };
        perform(world, act);
        look(world, before, act);
      }
    }),
    { numRuns },
  );
}

type Before = Pick<World['state'], 'phase' | 'ledger'> & { readonly routes: number; readonly weightBp: number };

const runs = (world: World, kind: Effect['kind']): boolean => world.effect(kind) !== undefined;

test('the invariants hold over random histories', () => {
  let promoted = 0;
  let frozen = 0;
  let dealtAnew = 0;
  always((world, before, act) => {
    const { plan, state } = world;
    const { phase, ledger } = state;
    const watch = watchOf(phase);
    const pins = pinsOf(plan);
    const steps = plan.steps.map((step) => step.weightBp);

    // I1: written weights are plan values or 0; within a ramp they rise one step at a time unless a human leapt. A weight is written
    // again only where users are told apart by another pin from then on, and that pin is the plan's next (R18).
    const [written, previous] = [world.routes.at(-1), world.routes.at(-2)];
    if (written !== undefined && world.routes.length > before.routes) {
      assert.ok(written.bp === 0 || steps.includes(written.bp), `I1: ${written.bp} is no plan value`);
      if (written.why === 'shift' && previous?.ramp === written.ramp && previous.why === 'shift') {
        const leapt = ledger.timeline.some((entry) => entry.what.startsWith('skip') || entry.what.startsWith('promote'));
        const another = written.stickyBy !== previous.stickyBy;
        if (another) dealtAnew += 1;
        assert.ok(
          another ? written.bp === previous.bp : leapt || steps.indexOf(written.bp) === steps.indexOf(previous.bp) + 1,
          `I1: from ${previous.bp} to ${written.bp}`,
        );
        if (another) assert.equal(written.stickyBy, pins[pins.indexOf(previous.stickyBy) + 1], 'R18: the next pin');
      }
      // I7: sequences of a ramp only grow.
      if (previous?.ramp === written.ramp) assert.ok(written.sequence > previous.sequence, 'I7: the sequence grows');
    }

    // I3, I1: the weight is raised only after a pass, an acceptance on probes, or a human's leap.
    if (phase.kind === 'raising' && before.phase.kind === 'soaking') {
      const reason = [...ledger.timeline].reverse().find((entry) => !entry.what.startsWith('batch'))?.what ?? '';
      assert.match(reason, /passed|accepted on probes|^skip|^promote/, `I3: raised after "${reason}"`);
      if (/ passed$/.test(reason))
        assert.equal(watch?.last.kind === 'judged' && watch.last.judgement.verdict, 'pass', 'I3: only a pass is called passed');
      assert.ok(act.act !== 'wait' && act.act !== 'cancel', 'I3: time alone never advances');
    }

    // R18: a pin that was reached is kept, whatever ramp follows.
    const rung = (of: typeof ledger): number => (of.stickyBy === undefined ? 0 : pins.indexOf(of.stickyBy));
    assert.ok(rung(ledger) >= rung(before.ledger), 'R18: a pin is never taken back');

    // I4: with weight above 0, supervision runs in every phase, except while it is being interrupted for a fresh verdict.
    if (watch !== undefined && watch.run === 'running')
      assert.ok(runs(world, 'supervise'), `I4: nobody supervises in ${phase.kind}`);

    // I5: a rollback is wanted from the first moment, beside nothing that it could wait for.
    if (phase.kind === 'rolling-back') {
      const others = [...world.running.values()].filter(
        (effect) => !['roll-back', 'notify', 'control-queues'].includes(effect.kind),
      );
      assert.ok(runs(world, 'roll-back') && others.length === 0, 'I5: the rollback runs alone');
    }

    // I6: counts never fall, and a second failure at a step freezes.
    ledger.failures.forEach((count, step) => {
      assert.ok(count >= (before.ledger.failures[step] ?? 0), 'I6: failures are kept');
    });
    if (
      before.phase.kind === 'rolling-back' &&
      before.phase.cause.kind === 'gate-failed' &&
      phase.kind !== 'rolling-back' &&
      (ledger.failures[before.phase.cause.step] ?? 0) >= 2
    ) {
      assert.equal(phase.kind, 'frozen', 'I6: the second failure freezes');
    }

    // I8: capacity goes only when nobody is on the revision that loses it, and its drain is over.
    const released = world.effect('release-capacity');
    if (released)
      assert.ok(phase.kind === 'draining' && phase.stage === 'parting' && weightOf(plan, phase) === 0, 'I8: capacity goes last');

    // I12: an abort is accepted in every phase.
    if (act.act === 'message' && state.ledger.answers.length > before.ledger.answers.length) {
      const last = ledger.timeline.at(-1)?.what ?? '';
      assert.ok(!last.startsWith('abort refused'), 'I12: an abort is never refused');
    }
    if (act.act === 'cancel') assert.ok(watch === undefined, 'I12: cancel is an abort');

    // Nothing is lost after the end.
    if (before.phase.kind === 'closed') assert.equal(phase.kind, 'closed', 'closed is for ever');
    if (phase.kind === 'closed' && before.phase.kind !== 'closed') {
      if (phase.outcome === 'promoted') promoted += 1;
    }
    if (phase.kind === 'frozen' && before.phase.kind !== 'frozen') frozen += 1;
  });
  // The histories must reach the far ends, or the property proves little.
  assert.ok(
    promoted > numRuns / 200 && frozen > numRuns / 2_000 && dealtAnew > numRuns / 200,
    `histories reached ${promoted} promotions, ${frozen} frozen ends and ${dealtAnew} further pins`,
  );
});

test('wanting the same effects twice starts nothing, and the same state gives the same decision', () => {
  fc.assert(
    fc.property(histories, ([plan, acts]) => {
      const world = new World(plan);
      for (const act of acts) {
        perform(world, act);
        const { started } = world;
        assert.deepEqual(decide(plan, world.state, world.now), decide(plan, world.state, world.now));
        const ids = world.decision.kind === 'run' ? world.decision.effects.map((effect) => effect.id) : [];
        assert.equal(new Set(ids).size, ids.length, 'ids are unique');
        // `woke` at the same instant is nothing new.
        world.pass(0);
        assert.equal(world.started, started);
      }
    }),
    { numRuns: Math.min(numRuns, 5_000) },
  );
});

test('a state survives the trip through JSON, as continue-as-new makes it, without a change of decision', () => {
  fc.assert(
    fc.property(histories, ([plan, acts]) => {
      const world = new World(plan);
      for (const act of acts) {
        perform(world, act);
        const carried = JSON.parse(JSON.stringify(world.state)) as typeof world.state;
        assert.deepEqual(carried, world.state);
      }
      assert.deepEqual(
        evolve(plan, world.state, { kind: 'woke', at: world.now }),
        evolve(plan, JSON.parse(JSON.stringify(world.state)) as typeof world.state, { kind: 'woke', at: world.now }),
      );
    }),
    { numRuns: Math.min(numRuns, 500) },
  );
});
