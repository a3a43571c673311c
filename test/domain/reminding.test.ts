import assert from 'node:assert/strict';
import { test } from 'node:test';
import { planWith } from './plans.js';
import { supervision, World } from './world.js';

const HOUR_MS = 3_600_000;
const approvals = [{ beforeStep: 1, count: 1, approvers: ['oncall'], notTheStarter: false }];

/** What people were told since the last look, in order. */
function notices(world: World): readonly { title: string; text: string; severity: string }[] {
  const told = [...world.running.values()].filter((effect) => effect.kind === 'notify');
  for (const { id } of told) world.settleById(id, { kind: 'done' });
  return told;
}

/** Lets time pass in buckets of five minutes, as a supervised step does, and collects the hours at which notices came. */
function hoursOfNotices(world: World, hours: number): readonly number[] {
  const begun = world.now;
  const heard: number[] = [];
  for (let minute = 0; minute < hours * 60; minute += 5) {
    world.now += 5 * 60_000;
    if (world.effect('supervise') === undefined) break;
    world.settle('supervise', supervision('bucket-ended', 'pass'));
    if (notices(world).some(({ title }) => title.includes('waiting'))) heard.push(Math.round((world.now - begun) / HOUR_MS));
  }
  return heard;
}

test('an approval is asked for when the soak is over, and again at a quarter, a half and nine tenths of its limit', () => {
  const world = new World(planWith({ approvals })).untilFirstStep();
  notices(world);
  world.passStep();
  assert.deepEqual(hoursOfNotices(world, 24), [0, 6, 12, 22]);
});

test('the last reminder pages, the others do not', () => {
  const world = new World(planWith({ approvals })).untilFirstStep().passStep();
  const severities: string[] = [];
  for (let hour = 1; hour < 24; hour += 1) {
    world.now += HOUR_MS;
    world.settle('supervise', supervision('bucket-ended', 'pass'));
    severities.push(...notices(world).map(({ severity }) => severity));
  }
  assert.deepEqual(severities, ['warning', 'warning', 'warning', 'page']);
});

test('who acknowledges hears no more of this hold, which stays; the next hold is spoken of again', () => {
  const world = new World(planWith({ approvals })).untilFirstStep().passStep();
  world.now += HOUR_MS;
  world.settle('supervise', supervision('bucket-ended', 'pass'));
  assert.equal(notices(world).length, 1);
  world.send('acknowledge');
  assert.equal(world.answered(), 'accepted');
  assert.deepEqual(hoursOfNotices(world, 20), []);
  assert.equal(world.phase, 'soaking');
  world.send('pause');
  assert.deepEqual(hoursOfNotices(world, 2), [], 'the approval ends first, and it is the one that was acknowledged');
});

test('acknowledging where nothing is held says so', () => {
  const world = new World(planWith()).untilFirstStep().send('acknowledge');
  assert.equal(
    world.state.ledger.answers.at(-1)?.answer.kind === 'accepted' &&
      world.state.ledger.timeline.at(-1)?.what.includes('nothing is held'),
    true,
  );
});

test('a hold at 0 % wakes for its reminders, although nothing else happens', () => {
  const world = new World(planWith({ retry: { max: 0, coolOffMs: 0, total: 4 } })).untilFirstStep();
  world.settle('supervise', {
    kind: 'supervised',
    result: {
      kind: 'schema-mismatch',
      difference: { stable: {}, candidate: {}, text: 'SCHEMA_REV 7 against 8' },
      evidence: 1,
      cursors: {},
      condition: 'judging',
    },
  });
  world.settle('roll-back', { kind: 'done' });
  notices(world);
  const heard: number[] = [];
  const begun = world.now;
  while (world.phase === 'schema-held') {
    const { decision } = world;
    assert.ok(decision.kind === 'run' && decision.wake.kind === 'at');
    world.pass(decision.wake.at - world.now);
    if (notices(world).some(({ text }) => text.includes('waits for retry or abort'))) heard.push((world.now - begun) / HOUR_MS);
  }
  assert.deepEqual(heard, [6, 12, 21.6]);
});

test('without anybody to notify there is neither a reminder nor a timer for one', () => {
  const plan = planWith({ connections: { router: 'edge', metrics: ['prom'], notify: [] } });
  const world = new World(plan).untilFirstStep().send('pause');
  world.now += 23 * HOUR_MS;
  world.settle('supervise', supervision('bucket-ended', 'pass'));
  assert.deepEqual(world.state.ledger.reminded, { hold: '', sent: 0, acknowledged: false });
});
