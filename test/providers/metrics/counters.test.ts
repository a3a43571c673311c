import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { increaseOver, perBucket, sum, zeros, type Vector } from '../../../src/providers/metrics/counters.js';

/** What a counter shows through several lives of its process; each life begins below where the last one ended. */
const lives = fc.array(fc.array(fc.nat(50), { minLength: 1, maxLength: 6 }), { minLength: 1, maxLength: 5 }).map((growths) => {
  const shown: number[][] = [];
  let before = Infinity;
  for (const growth of growths) {
    const first = before === 0 ? undefined : Math.min(growth[0] ?? 0, before === Infinity ? Infinity : before - 1);
    if (first === undefined) continue;
    let value = first;
    shown.push([first, ...growth.slice(1).map((more) => (value += more))]);
    before = value;
  }
  return shown;
});

test('the sum of the steps is the truth, across any number of restarts', () => {
  fc.assert(
    fc.property(lives, (shown) => {
      const truth = shown.reduce((total, life) => total + (life.at(-1) ?? 0), 0) - (shown[0]?.[0] ?? 0);
      const [base = 0, ...later] = shown.flat();
      const { by, resets } = increaseOver(
        [base],
        later.map((value) => [value]),
      );
      assert.deepEqual(by, [truth]);
      assert.equal(resets, shown.length - 1);
    }),
  );
});

test('it makes no difference how often one looks', () => {
  fc.assert(
    fc.property(lives, fc.nat(20), (shown, cut) => {
      const [base = 0, ...later] = shown.flat();
      const values = later.map((value) => [value]);
      const first = increaseOver([base], values.slice(0, cut));
      const second = increaseOver(values.slice(0, cut).at(-1) ?? [base], values.slice(cut));
      assert.deepEqual(sum(first.by, second.by), increaseOver([base], values).by);
    }),
  );
});

test('a counter that was born since the last look counts from 0', () => {
  assert.deepEqual(increaseOver(undefined, [[3], [5]]), { by: [5], resets: 0 });
});

test('a counter that fell counts what it shows, and the fall is told', () => {
  assert.deepEqual(increaseOver([5], [[7], [2], [7]]), { by: [9], resets: 1 });
});

test('the buckets of a histogram began again together, also those that show more than before', () => {
  const { by, resets } = increaseOver([1, 100], [[2, 6]]);
  assert.deepEqual({ by, resets }, { by: [2, 6], resets: 1 });
  assert.deepEqual(perBucket(by), [2, 4]);
});

test('no bucket of a histogram ever counts less than nothing, whatever restarts', () => {
  const cumulative = fc
    .array(fc.nat(30), { minLength: 3, maxLength: 3 })
    .map((counts) => counts.map((_, index) => counts.slice(0, index + 1).reduce((a, b) => a + b)));
  fc.assert(
    fc.property(fc.array(cumulative, { maxLength: 8 }), (values: Vector[]) => {
      assert.ok(perBucket(increaseOver(zeros(3), values).by).every((count) => count >= 0));
    }),
  );
});
