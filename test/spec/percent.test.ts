import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { formatPercent, formatShare, parseShare, parseWeight } from '../../src/spec/percent.js';

test('weights are read in basis points, as numbers and as text', () => {
  assert.deepEqual(
    [1, 0.5, 0.01, 0.29, 100, 0, '25', '25%', '25 %', '0.05'].map(parseWeight),
    [100, 50, 1, 29, 10_000, 0, 2_500, 2_500, 2_500, 5],
  );
});

test('a weight over 100, below 0, finer than 0.01 or not decimal is none', () => {
  for (const weight of [100.01, 101, -1, 0.001, NaN, Infinity, 1e-7, 1e21, '', '%', '1e1', '0x10', '5%%'])
    assert.equal(parseWeight(weight), undefined, String(weight));
});

test('every weight from 0 to 10,000 basis points is read back as it was written', () => {
  for (let weightBp = 0; weightBp <= 10_000; weightBp++) assert.equal(parseWeight(formatPercent(weightBp)), weightBp);
});

test('every weight is the same whether YAML made a number of it or not', () => {
  fc.assert(fc.property(fc.integer({ min: 0, max: 10_000 }), (weightBp) => parseWeight(weightBp / 100) === weightBp));
});

test('a share needs its sign, since 0.05 could mean either 5 % or 0.05 %', () => {
  assert.deepEqual(['0.05%', '10%', '5 %', '0.0001%'].map(parseShare), [0.0005, 0.1, 0.05, 0.000_001]);
  for (const text of ['0.05', '5', '-1%', '0.00001%', '']) assert.equal(parseShare(text), undefined, text);
});

test('a share is read back as it was written', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 10_000_000 }),
      (millionths) => parseShare(formatShare(millionths / 1_000_000)) === millionths / 1_000_000,
    ),
  );
});
