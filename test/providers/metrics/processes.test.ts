import assert from 'node:assert/strict';
import { test } from 'node:test';
import { continuity, seen, suspicion } from '../../../src/providers/metrics/processes.js';

const BEGAN = 1_000_000;
const before = { at: 1_060_000, startedAt: 500_000, falls: 0 };

test('the same start is the same process, also when it jitters by a second', () => {
  assert.equal(continuity(before, { at: 1_065_000, startedAt: 501_000 }, BEGAN).kind, 'same');
});

test('a start that creeps by a second with every look does not stay the same for ever', () => {
  let state = seen(undefined, { at: 0, startedAt: 0 }, false);
  const kinds = [1_000, 2_000, 3_000].map((startedAt) => {
    const link = continuity(state, { at: startedAt + 100_000, startedAt }, BEGAN).kind;
    state = seen(state, { at: startedAt + 100_000, startedAt }, false);
    return link;
  });
  assert.deepEqual(kinds, ['same', 'another', 'same']);
});

test('a process that began after the last look at its predecessor is a restart', () => {
  assert.equal(continuity(before, { at: 1_070_000, startedAt: 1_063_000 }, BEGAN).kind, 'began-again');
});

test('one that ran already, older or younger, is another replica behind a balancer', () => {
  for (const startedAt of [400_000, 900_000])
    assert.equal(continuity(before, { at: 1_070_000, startedAt }, BEGAN).kind, 'another');
});

test('one that states its start only now and then is two programs', () => {
  assert.equal(continuity(before, { at: 1_070_000, startedAt: undefined }, BEGAN).kind, 'another');
  assert.equal(continuity({ at: 0, falls: 0 }, { at: 1, startedAt: 5 }, BEGAN).kind, 'another');
  assert.equal(continuity({ at: 0, falls: 0 }, { at: 1, startedAt: undefined }, BEGAN).kind, 'same');
});

test('an address that is new in the step counts only if its process was born in the step', () => {
  assert.equal(continuity(undefined, { at: 1_070_000, startedAt: 1_050_000 }, BEGAN).kind, 'same');
  assert.equal(continuity(undefined, { at: 1_070_000, startedAt: 900_000 }, BEGAN).kind, 'another');
  assert.equal(continuity(undefined, { at: 1_070_000, startedAt: undefined }, BEGAN).kind, 'another');
});

test('counters that fall in a third look without a restart are no evidence, whatever start is stated', () => {
  assert.equal(suspicion('a', { at: 0, falls: 2 }), undefined);
  assert.match(suspicion('a', { at: 0, falls: 3 }) ?? '', /fell in 3 reads/);
  assert.match(suspicion('a', { at: 0, falls: 3, startedAt: 1 }) ?? '', /fell in 3 reads/);
});
