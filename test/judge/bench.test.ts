/** The bench of the judge (bench/judge), with few runs: that it runs, repeats itself, and can tell good rules from bad ones. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EXPERIMENTS, experimentNamed } from '../../bench/judge/experiments.js';
import { GRID } from '../../bench/judge/identical.js';
import { detectionTimes, falseAlarms } from '../../bench/judge/plots.js';
import { alone, defaultAlpha, STANDARD, stepsOf } from '../../bench/judge/policies.js';
import { binomial, poisson, randomFrom } from '../../bench/judge/random.js';
import { ERROR_CELLS } from '../../bench/judge/references.js';
import { mannWhitney } from '../../bench/judge/rivals.js';
import { judge, openEvidence } from '../../src/judge/judge.js';

const IDENTICAL = experimentNamed('identical');
const BUSY = GRID.findIndex(({ rps, errorRate }) => rps === 200 && errorRate === 0.01);

for (const experiment of EXPERIMENTS) {
  test(`the experiment "${experiment.name}" runs, and tells a row for every cell`, () => {
    const outcome = experiment.run(0, 0);
    // The cells differ in their numbers, not in the shape of an outcome.
    const report = experiment.report(Array.from({ length: experiment.cells }, () => [outcome]));
    assert.equal(report.rows.length, experiment.cells);
    assert.match(report.table, /^\|.*\|\n\| --- /);
    assert.ok(report.bounds.every(({ what, found }) => what.length > 0 && found.length > 0));
  });
}

test('a run can be repeated, and every run has a stream of its own', () => {
  const detection = experimentNamed('detection');
  const cell = ERROR_CELLS.findIndex(({ medianMs }) => medianMs === 105_000);
  const times = [0, 1, 2, 3].map((run) => detection.run(cell, run));
  assert.deepEqual(
    [0, 1, 2, 3].map((run) => detection.run(cell, run)),
    times,
  );
  assert.equal(new Set(times.map((time) => JSON.stringify(time))).size, times.length);
});

test('an identical release is let through by the judge and rolled back by the literal rules, on the same stream', () => {
  for (const run of [0, 1, 2])
    assert.deepEqual(IDENTICAL.run(BUSY, run), {
      judge: false,
      'literal, 1-minute windows': true,
      'literal, cumulative': true,
      'Mann-Whitney': false,
    });
});

test('a false rollback beyond the promise is told as missed', () => {
  const healthy = IDENTICAL.run(BUSY, 0) as object;
  const outcomes = Array.from({ length: IDENTICAL.cells }, (_, cell) => [{ ...healthy, judge: cell === BUSY }]);
  const missed = IDENTICAL.report(outcomes).bounds.filter(({ held }) => !held);
  assert.deepEqual(
    missed.map(({ what, found }) => [what, found]),
    [['identical releases, errors, 200 requests/s, 1 %: false rollback ≤ 0.2 %', '100 %']],
  );
});

test('a total failure takes as few requests as promised, under the alpha of the profile standard', () => {
  const total = experimentNamed('total-failure');
  const { rows, bounds } = total.report(Array.from({ length: total.cells }, (_, cell) => [total.run(cell, 0)]));
  assert.deepEqual(
    rows.map(({ requests }) => requests),
    [3, 3, 7, 13, 12],
  );
  assert.ok(bounds.every(({ held }) => held));
});

test('a gate by itself is judged with exactly the alpha that it was given', () => {
  for (const alpha of [5e-4, defaultAlpha('errors')]) {
    const policy = alone(stepsOf(STANDARD)[0]!, 'errors', alpha);
    const { verdicts } = judge(policy, openEvidence(policy), {});
    assert.ok(Math.abs((verdicts[0]?.figures['alphaSpent'] ?? 0) / alpha - 1) < 1e-9);
  }
});

test('counts are drawn with the mean and the spread that they should have', () => {
  const random = randomFrom(1, 2, 3);
  const draws = 40_000;
  const check = (draw: () => number, mean: number, variance: number): void => {
    const values = Array.from({ length: draws }, draw);
    const found = values.reduce((sum, value) => sum + value, 0) / draws;
    const spread = values.reduce((sum, value) => sum + (value - found) ** 2, 0) / draws;
    assert.ok(Math.abs(found - mean) < 5 * Math.sqrt(variance / draws), `mean ${found} of ${mean}`);
    assert.ok(Math.abs(spread / variance - 1) < 0.1, `variance ${spread} of ${variance}`);
    assert.ok(values.every((value) => Number.isInteger(value) && value >= 0));
  };
  for (const mean of [0.3, 5, 11.9, 12.1, 400]) check(() => poisson(random, mean), mean, mean);
  for (const [n, p] of [
    [1_000, 0.001],
    [30, 0.2],
    [5_000, 0.01],
    [200, 0.5],
    [200, 0.97],
  ] as const)
    check(() => binomial(random, n, p), n * p, n * p * (1 - p));
});

test('the Mann-Whitney judge fails what is plainly worse, and nothing that is the same', () => {
  const verdict = (candidateBad: (tick: number) => number): boolean => {
    const rival = mannWhitney();
    const verdicts = Array.from({ length: 12 }, (_, k) =>
      rival.fails(5_000 * (k + 1), {
        stable: { requests: 1_000, bad: k % 3 },
        candidate: { requests: 1_000, bad: candidateBad(k) },
      }),
    );
    return verdicts.at(-1) ?? false;
  };
  assert.equal(
    verdict((k) => k % 3),
    false,
  );
  assert.equal(
    verdict((k) => 20 + (k % 3)),
    true,
  );
});

test('the plots are drawn from the rows, a bar for every rule and cell, a curve for every rule', () => {
  const identical = GRID.map((cell) => ({ ...cell, judge: 0, 'literal, 1-minute windows': 1 }));
  assert.equal(falseAlarms(identical).match(/<rect /g)?.length, 4 * GRID.length);
  const row = {
    stable: 0.001,
    weight: 0.05,
    rps: 200,
    candidate: 0.05,
    product: { median: 10_000 },
    'Mann-Whitney': { median: null },
  };
  assert.equal(detectionTimes([row]).match(/<circle /g)?.length, 2);
});
