import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { EXIT, exitOfMessage, exitOfSighting, holdsForAHuman, type Goal } from '../../src/cli/exit-codes.js';
import type { Blocker } from '../../src/domain/blockers.js';
import { BROKEN, closedSighting, NONE, NOON, openSighting, SILENT, UNREACHABLE } from './sightings.js';

const at = (goal: Goal) => ({ goal, now: NOON, inconclusiveMs: 60_000 });
const soaking: Blocker = { kind: 'soaking', soakedMs: 0, soakMs: 1 };
const approval: Blocker = { kind: 'awaiting-approval', missing: 1, approvers: [], expires: NOON + 1 };
const paused: Blocker = { kind: 'paused', by: { name: 'ann', verified: false }, reason: '', expires: NOON + 1 };

describe('the exit code of a wait', () => {
  test('an outcome decides, whatever was waited for', () => {
    const ends = (['promoted', 'rolled-back', 'frozen', 'refused'] as const).map((outcome) => closedSighting({ outcome }));
    assert.deepEqual(
      ends.map((end) => exitOfSighting(end, at('promoted'))),
      [0, 2, 3, 4],
    );
    assert.deepEqual(
      ends.map((end) => exitOfSighting(end, at('end'))),
      [0, 2, 3, 4],
    );
  });

  test('frozen ends a wait at once, not after its 72 hours; a person who watches goes on watching', () => {
    const frozen = openSighting({ phase: 'frozen', weightBp: 0, blockers: [] });
    assert.equal(exitOfSighting(frozen, at('promoted')), EXIT.frozen);
    assert.equal(exitOfSighting(frozen, at('end')), undefined);
  });

  test('a schema hold waits for a human', () => {
    assert.equal(exitOfSighting(openSighting({ phase: 'schema-held', weightBp: 0, blockers: [] }), at('promoted')), EXIT.held);
  });

  test('baking is a milestone from the moment that everybody is on the candidate', () => {
    const everybody = { weightBp: 10_000, blockers: [soaking] };
    assert.equal(exitOfSighting(openSighting({ ...everybody, phase: 'shifting' }), at('baking')), undefined);
    assert.equal(exitOfSighting(openSighting({ ...everybody, phase: 'baking' }), at('baking')), EXIT.ok);
    assert.equal(exitOfSighting(openSighting({ ...everybody, phase: 'baking' }), at('promoted')), undefined);
  });

  test('durable is a milestone while the old revision still drains, and a rollback that drains is none', () => {
    assert.equal(exitOfSighting(openSighting({ weightBp: 10_000, phase: 'draining', blockers: [] }), at('durable')), EXIT.ok);
    assert.equal(exitOfSighting(openSighting({ weightBp: 0, phase: 'draining', blockers: [] }), at('durable')), undefined);
  });

  test('silence and an outage are no ends; a rollout without an outcome and an unknown one are errors', () => {
    assert.deepEqual(
      [SILENT, UNREACHABLE, BROKEN, NONE].map((sighting) => exitOfSighting(sighting, at('promoted'))),
      [undefined, undefined, 1, 1],
    );
  });
});

describe('a hold for a human', () => {
  const holds = (blockers: readonly Blocker[], now = NOON): boolean => holdsForAHuman(blockers, { now, inconclusiveMs: 60_000 });

  test('begins when a person is all that is missing', () => {
    assert.deepEqual([holds([approval]), holds([paused]), holds([paused, approval]), holds([])], [true, true, true, false]);
    assert.deepEqual(
      [
        holds([soaking, approval]),
        holds([{ kind: 'idle', since: NOON, expires: NOON + 1 }]),
        holds([{ kind: 'change-window-closed', opens: NOON }, approval]),
      ],
      [false, false, false],
    );
  });

  test('of an inconclusive step begins when its extension is over', () => {
    const inconclusive: Blocker = { kind: 'inconclusive', gates: ['errors'], expires: NOON + 90_000 };
    assert.deepEqual([holds([inconclusive]), holds([inconclusive], NOON + 30_000)], [false, true]);
  });
});

test('the exit code of a message is what became of it', () => {
  assert.deepEqual(
    [
      { kind: 'accepted', text: '' },
      { kind: 'refused', reason: '' },
      { kind: 'closed', reason: '', outcome: undefined },
      { kind: 'recorded', text: '' },
      { kind: 'none' },
    ].map((outcome) => exitOfMessage(outcome as Parameters<typeof exitOfMessage>[0])),
    [0, 4, 4, 5, 1],
  );
});
