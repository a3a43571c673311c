/** A gate's memory as one flat array of numbers. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Json } from '../../src/domain/words.js';
import { MANY, pack, SCALAR, unpack } from '../../src/judge/packing.js';

const layout = { one: SCALAR, pair: 2, many: MANY, last: MANY };
// JSON knows no −0.
const number = fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => value + 0);
const state = fc.record(
  { one: number, pair: fc.tuple(number, number), many: fc.array(number), last: fc.array(number) },
  { noNullPrototype: true },
);

test('What was packed and went through JSON is unpacked the same.', () => {
  fc.assert(
    fc.property(state, (value) => {
      assert.deepEqual(unpack(layout, JSON.parse(JSON.stringify(pack(layout, value))) as Json), value);
    }),
  );
});

test('Anything shorter, longer or other than numbers is not unpacked.', () => {
  const packed = pack(layout, { one: 1, pair: [2, 3], many: [4, 5], last: [] });
  for (let length = 0; length < packed.length; length++) assert.equal(unpack(layout, packed.slice(0, length)), undefined);
  const others = [
    [...packed, 6],
    packed.map(String),
    packed.with(3, -2),
    packed.with(3, 0.5),
    packed.with(3, 1e9),
    {},
    null,
    'x',
    undefined,
  ];
  for (const other of others) assert.equal(unpack(layout, other), undefined);
});
