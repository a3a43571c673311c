/** The bounds against the reference's way of finding them, on sums of all sizes. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  addBlock,
  KNOWN_LIMIT,
  logNotWorse,
  logWorse,
  lowerBound,
  NO_SUMS,
  upperBound,
  type Sums,
} from '../../src/judge/primitive.js';

/** judge.md §1: 60 bisections between a difference that is rejected and one that is not. */
function bisected(isRejected: (difference: number) => boolean, rejected: number, other: number): number {
  if (!isRejected(rejected)) return rejected;
  if (isRejected(other)) return other;
  let [inside, outside] = [rejected, other];
  for (let k = 0; k < 60; k++) {
    const middle = (inside + outside) / 2;
    if (isRejected(middle)) inside = middle;
    else outside = middle;
  }
  return inside;
}

const block = fc.record({
  n1: fc.integer({ min: 0, max: 1_000_000 }),
  n0: fc.integer({ min: 1, max: 1_000_000 }),
  bad1: fc.double({ min: 0, max: 1, noNaN: true }),
  bad0: fc.double({ min: 0, max: 1, noNaN: true }),
  phi: fc.double({ min: 1, max: 50, noNaN: true }),
});
const few = block.map(({ n1, n0, ...rest }) => ({ n1: n1 % 100, n0: 1 + (n0 % 2_000), ...rest }));

test('Both bounds are where 60 bisections find them, against stable and against a known limit.', () => {
  fc.assert(
    fc.property(
      fc.array(fc.oneof(block, few), { maxLength: 6 }),
      fc.boolean(),
      fc.double({ min: 1e-9, max: 0.5, noNaN: true }),
      (blocks, alone, alpha) => {
        const least = alone ? 0 : -1;
        const sums = blocks.reduce<Sums>(
          (so, { n1, n0, bad1, bad0, phi }) =>
            addBlock(
              so,
              { requests: n1, bad: Math.round(n1 * bad1 ** 4) },
              alone ? KNOWN_LIMIT : { requests: n0, bad: Math.round(n0 * bad0 ** 4) },
              phi,
            ),
          NO_SUMS,
        );
        const enough = Math.log(1 / alpha);
        const lower = bisected((difference) => logWorse(sums, difference) >= enough, least, 1);
        const upper = bisected((difference) => logNotWorse(sums, difference) >= enough, 1, least);
        assert.ok(Math.abs(lowerBound(sums, alpha, least) - lower) < 1e-9);
        assert.ok(Math.abs(upperBound(sums, alpha, least) - upper) < 1e-9);
      },
    ),
    { numRuns: 2_000 },
  );
});
