import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bar } from '../../../src/cli/render/bar.js';
import { inWords, stopwatch, timestamp } from '../../../src/cli/render/durations.js';
import { table } from '../../../src/cli/render/table.js';
import { cut, share, thousands } from '../../../src/cli/render/text.js';

test('a bar is empty only when nobody is on the candidate, and full only when everybody is', () => {
  assert.deepEqual(
    [0, 1, 100, 2_500, 5_000, 9_999, 10_000].map((weightBp) => bar(weightBp)),
    ['░░░░░░░░░░', '█░░░░░░░░░', '█░░░░░░░░░', '███░░░░░░░', '█████░░░░░', '█████████░', '██████████'],
  );
});

test('a stopwatch counts whole seconds and grows hours', () => {
  assert.deepEqual([0, 372_999, 3_972_000, -5].map(stopwatch), ['00:00', '06:12', '1:06:12', '00:00']);
});

test('durations in words are rounded up to what matters', () => {
  assert.deepEqual([1, 8_000, 119_000, 121_000, 7_500_000, 7_200_000, 259_200_000].map(inWords), [
    '1 s',
    '8 s',
    '119 s',
    '3 min',
    '2 h 5 min',
    '2 h',
    '3 d',
  ]);
});

test('a timestamp is UTC and says so', () => {
  assert.equal(timestamp(Date.UTC(2026, 10, 24, 14, 3, 7)), '2026-11-24 14:03:07Z');
});

test('shares keep two digits, however small', () => {
  assert.deepEqual([0, 0.0012, 0.00004, 0.025, 0.1, 0.994, 1].map(share), [
    '0 %',
    '0.12 %',
    '0.0040 %',
    '2.5 %',
    '10 %',
    '99 %',
    '100 %',
  ]);
});

test('thousands are separated', () => {
  assert.deepEqual([0, 999, 1_880, 1_234_567.4].map(thousands), ['0', '999', '1,880', '1,234,567']);
});

test('columns are as wide as their widest cell in characters, not in bytes', () => {
  assert.deepEqual(
    table([
      ['a', '█', 'x'],
      ['long', '██', 'y  '],
    ]),
    ['a     █   x', 'long  ██  y'],
  );
});

test('a cut text says that it was cut', () => {
  assert.deepEqual([cut('abcdef', 6), cut('abcdef', 4)], ['abcdef', 'abc…']);
});
