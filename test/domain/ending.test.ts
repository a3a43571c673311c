import assert from 'node:assert/strict';
import { test } from 'node:test';
import { detailsOf } from '../../src/domain/details.js';
import { planWith } from './plans.js';
import { supervision, verdictOf, World } from './world.js';

const bystanders = ['notify', 'control-queues'];
const wanted = (world: World): readonly string[] =>
  [...world.running.values()].map(({ kind }) => kind).filter((kind) => !bystanders.includes(kind));
const findings = (world: World): readonly string[] => world.state.ledger.findings;
const said = (world: World): readonly string[] => world.state.ledger.timeline.map(({ what }) => what);

/** To the last verification, which has just passed its probes. */
const verified = (world: World): World => world.passStep().settle('verify', { kind: 'verified', failures: [] });

test('a rollout whose every step passed is verified flat, without a finding (R35)', () => {
  const world = verified(new World(planWith()).untilStep(4));
  assert.deepEqual(findings(world), []);
  assert.ok(said(world).includes('verified: probes, and the gates in force at each of 5 steps'));
});

test('a step that a human skipped is a finding of the verification, and no reason to go back', () => {
  const world = new World(planWith()).untilStep(1).send('skip').raise().passStep().raise().passStep().raise();
  verified(world);
  assert.equal(world.phase, 'finalising');
  assert.deepEqual(findings(world), ['5 %: left by skip, so errors and p95 are not proven flat']);
});

test('what only observed gates saw at a step stands among the findings: no flat p95, duplicate effects', () => {
  const world = new World(planWith()).untilStep(4);
  const gates = [
    verdictOf('pass'),
    verdictOf('fail', { gate: 'latency', decisive: false }),
    verdictOf('fail', { gate: 'dedupe', decisive: false, figures: { duplicateEffects: 2 } }),
  ];
  world.settle('supervise', supervision('passed', 'pass', { judgement: { at: 0, verdict: 'pass', gates, soakedMs: 600_000 } }));
  world.settle('verify', { kind: 'verified', failures: [] });
  assert.deepEqual(findings(world), [
    '100 %: not flat when it was left: latency fail',
    '100 %: 2 duplicate effects, seen by a gate that only observes',
  ]);
});

test('a new ramp is verified by its own steps, not by those of the ramp before', () => {
  const world = new World(planWith()).untilFirstStep().send('skip').raise();
  world.settle('supervise', {
    kind: 'supervised',
    result: { kind: 'lapsed', forMs: 5_000, evidence: 1, cursors: {}, condition: 'judging' },
  });
  world.settle('roll-back', { kind: 'done' });
  assert.equal(world.phase, 'opening');
  assert.deepEqual(world.state.ledger.left, []);
});

test('the gates judge until the promotion is durable, and one that fails meanwhile brings everybody back', () => {
  const world = verified(new World(planWith()).untilStep(4));
  assert.deepEqual(wanted(world).toSorted(), ['finalise', 'supervise'], 'I4: users are on the candidate until then');
  world.settle('supervise', supervision('failed', 'fail'));
  assert.deepEqual(wanted(world), ['roll-back']);
});

test('a gate that fails once the promotion is durable is a finding', () => {
  const world = verified(new World(planWith()).untilStep(4));
  const { id } = world.effect('supervise')!;
  world.settle('finalise', { kind: 'done' }).settleById(id, supervision('failed', 'fail'));
  assert.equal(world.phase, 'draining');
  assert.match(findings(world).at(-1) ?? '', /^a gate failed while the promotion was being made durable/);
});

test('whether a ramp that is being finalised has lapsed is for the finalise to say', () => {
  const lapsed = { kind: 'lapsed', forMs: 0, evidence: 1, cursors: {}, condition: 'judging' } as const;
  const looksLost = (): World =>
    verified(new World(planWith()).untilStep(4)).settle('supervise', { kind: 'supervised', result: lapsed });
  assert.deepEqual(wanted(looksLost()), ['finalise']);
  assert.equal(looksLost().settle('finalise', { kind: 'done' }).phase, 'draining', 'our own promotion looks like a lapse');
  const lost = looksLost().settle('finalise', { kind: 'superseded', by: 'a revocation of this ramp' });
  assert.equal(lost.settle('roll-back', { kind: 'done' }).phase, 'opening', 'a healthy release gets a new ramp');
});

test('a promotion says who served before, and no other end does', () => {
  const promoted = verified(new World(planWith()).untilStep(4)).settle('finalise', { kind: 'done' });
  promoted.settle('drain', { kind: 'drained', activeAtCeiling: 0 });
  promoted.settle('verify-drain', { kind: 'drain-verified', findings: [] }).settle('keep-stable', { kind: 'done' });
  for (const effect of [...promoted.running.values()]) promoted.settleById(effect.id, { kind: 'done' });
  assert.equal(promoted.decision.kind === 'finish' && promoted.decision.outcome.previous?.id, 'blue');
  const aborted = new World(planWith()).send('abort');
  assert.equal(aborted.decision.kind === 'finish' && aborted.decision.outcome.previous, undefined);
});

test('a superseded rollout hands its drain over and closes at once; an aborted one drains itself', () => {
  const superseded = new World(planWith()).untilStep(2).send('abort', { supersededBy: 'next' });
  assert.deepEqual(wanted(superseded), ['roll-back'], 'the rollback comes first and alone (I5)');
  superseded.settle('roll-back', { kind: 'done' });
  assert.deepEqual(wanted(superseded), ['hand-over-drain']);
  assert.equal(superseded.effect('hand-over-drain')?.of.id, 'green');
  superseded.settle('hand-over-drain', { kind: 'done' });
  assert.equal(superseded.phase, 'closed');

  const aborted = new World(planWith()).untilStep(2).send('abort').settle('roll-back', { kind: 'done' });
  assert.deepEqual(wanted(aborted), ['drain']);
  aborted.send('abort', { supersededBy: 'next', requestId: 'later' });
  assert.deepEqual(wanted(aborted), ['hand-over-drain'], 'who supersedes during the drain does not wait for it either');
});

test('a promotion that is durable is not cut short by who would supersede it', () => {
  const world = verified(new World(planWith()).untilStep(4)).settle('finalise', { kind: 'done' });
  world.send('abort', { supersededBy: 'next' });
  assert.deepEqual(wanted(world), ['drain']);
  assert.equal(world.state.phase.kind === 'draining' && world.state.phase.then, 'promoted');
});

test('frozen, the leads give the figures that were measured and say what was not (R10)', () => {
  const world = new World(planWith({ retry: { max: 1, coolOffMs: 0, total: 4 } })).untilFirstStep();
  const gates = [
    verdictOf('fail'),
    verdictOf('pass', { gate: 'cold-starts', sentence: 'cold starts: candidate 9 of 300 (3 %).' }),
  ];
  const failed = supervision('failed', 'fail', { judgement: { at: 0, verdict: 'fail', gates, soakedMs: 60_000 } });
  world.settle('supervise', failed).settle('roll-back', { kind: 'done' }).pass(1);
  world.settle('open-ramp', { kind: 'done' }).settle('ensure-capacity', { kind: 'done' }).settle('warm-up', { kind: 'done' });
  world.settle('probe', { kind: 'probed', outcome: { judged: 20, serverErrors: 0, wrongRevision: 0, unanswered: 0 } }).raise();
  world.settle('supervise', failed).settle('roll-back', { kind: 'done' });
  assert.equal(world.phase, 'frozen');
  const details = detailsOf(world.plan, world.state, world.now);
  assert.match(details, /Cold-start headroom: cold starts: candidate 9 of 300 \(3 %\)\. The plan asks for 1 unit at this step\./);
  assert.match(details, /NAT and DNS: latency is not measured here/);
});

test('where no gate decides, the wait is not called a lack of traffic', () => {
  const world = new World(planWith({ idleThen: 'accept-on-probes' })).untilFirstStep();
  world.settle('supervise', supervision('changed', 'blind', { condition: 'idle' }, { decisive: false }));
  world.settle('probe', { kind: 'probed', outcome: { judged: 20, serverErrors: 0, wrongRevision: 0, unanswered: 0 } });
  assert.ok(said(world).includes('accepted on probes since no gate decides: 20 pinned requests'));
  assert.ok(!said(world).some((what) => what.includes('traffic')));
});
