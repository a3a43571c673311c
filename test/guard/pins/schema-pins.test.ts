/** Schema pins as text: what is one, what fits, and that nothing that comes in makes more of it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { differences, misfits } from '../../../src/domain/schema-pins.js';
import type { SchemaPins } from '../../../src/domain/words.js';
import {
  assertSameSchema,
  assertSchemaFits,
  headersOf,
  parsePins,
  SchemaMismatch,
  toldPins,
  type ReadHeader,
} from '../../../src/guard/pins/schema-pins.js';
import { PINS } from './support.js';

const CASES = 20_000;

const reading =
  (headers: Readonly<Record<string, string | undefined>>): ReadHeader =>
  (name) =>
    headers[name];

const text = fc.string({ unit: fc.integer({ min: 0x21, max: 0x7e }).map((code) => String.fromCharCode(code)), minLength: 1 });
const pins: fc.Arbitrary<SchemaPins> = fc.record(
  { schemaRev: fc.integer({ min: 0, max: 1_000_000_000 }), indexHash: text, modelTag: text },
  { noNullPrototype: true },
);
/** From a small world, so that two of them often agree. */
const fewPins: fc.Arbitrary<SchemaPins> = fc.record({
  schemaRev: fc.nat(2),
  indexHash: fc.constantFrom('a', 'b'),
  modelTag: fc.constantFrom('m', 'n'),
});

test(`in ${CASES.toLocaleString('en')} cases of anything at all parsing never throws, and what it takes for pins are pins`, () => {
  const anyHeader = fc.option(
    fc.oneof(
      fc.constantFrom('7', '0', '007', '1000000000', '1000000001', '-1', '1e3', ' 7 ', '7, 8', '', ' ', 'a'.repeat(257)),
      fc.string(),
      fc.string({ unit: 'binary' }),
      text,
    ),
    { nil: undefined },
  );
  const kinds = { pins: 0, missing: 0, invalid: 0 };
  fc.assert(
    fc.property(anyHeader, anyHeader, anyHeader, (rev, index, model) => {
      const parsed = parsePins(reading({ 'x-schema-rev': rev, 'x-index-hash': index, 'x-model-tag': model }));
      kinds[parsed.kind]++;
      if (parsed.kind !== 'pins') {
        assert.ok(parsed.headers.length > 0, 'refused without a reason');
        return;
      }
      const { schemaRev, indexHash, modelTag } = parsed.pins;
      assert.ok(Number.isInteger(schemaRev) && schemaRev >= 0 && schemaRev <= 1e9);
      for (const one of [indexHash, modelTag]) assert.match(one, /^[!-~]{1,256}$/);
      assert.deepEqual([indexHash, modelTag], [index?.trim(), model?.trim()]);
    }),
    { numRuns: CASES },
  );
  assert.ok(Math.min(...Object.values(kinds)) > CASES / 100, `a kind that hardly comes: ${JSON.stringify(kinds)}`);
});

test('pins that are stamped are read again as they were', () => {
  fc.assert(
    fc.property(pins, (own) => {
      assert.deepEqual(parsePins(reading({ ...headersOf(own) })), { kind: 'pins', pins: own });
    }),
  );
});

test('own pins that no header can carry are an error in the program that names the header', () => {
  assert.throws(() => headersOf({ ...PINS, indexHash: 'a\r\nx-release: green' }), /x-index-hash invalid/);
  assert.throws(() => headersOf({ ...PINS, modelTag: '' }), /x-model-tag missing/);
  for (const schemaRev of [-1, 1.5, NaN, 2e9]) assert.throws(() => headersOf({ ...PINS, schemaRev }), /x-schema-rev invalid/);
});

test('a revision fits exactly when it is not behind and has the same index and model', () => {
  fc.assert(
    fc.property(fewPins, fewPins, (asked, here) => {
      const fits = here.schemaRev >= asked.schemaRev && here.indexHash === asked.indexHash && here.modelTag === asked.modelTag;
      assert.equal(misfits(asked, here).length === 0, fits);
      assert.equal(differences(asked, here).length === 0, JSON.stringify(asked) === JSON.stringify(here));
    }),
  );
});

test('a writer and a retriever must have all three alike, also where one is ahead (R26)', () => {
  assert.doesNotThrow(() => {
    assertSameSchema(PINS, { ...PINS });
  });
  const seen = (retriever: Partial<SchemaPins>): unknown => {
    try {
      assertSameSchema(PINS, retriever);
      return 'same';
    } catch (error) {
      assert.ok(error instanceof SchemaMismatch);
      return error.message;
    }
  };
  assert.equal(seen({ ...PINS, schemaRev: 8 }), 'schema pins differ: SCHEMA_REV is 8 here, 7 was asked for');
  assert.equal(
    seen({ schemaRev: 7, indexHash: 'index-b' }),
    'schema pins differ: INDEX_HASH is index-b here, index-a was asked for; MODEL_TAG is not told here, model-1 was asked for',
  );
});

test('a message that was made for a later schema is refused, one for an earlier schema is taken', () => {
  assert.throws(() => {
    assertSchemaFits({ ...PINS, schemaRev: 8 }, PINS);
  }, SchemaMismatch);
  const { modelTag, ...untold } = PINS;
  assert.throws(
    () => {
      assertSchemaFits(untold, PINS);
    },
    { message: `schema pins differ: MODEL_TAG is ${modelTag} here, and what was asked for does not tell it` },
  );
  assert.doesNotThrow(() => {
    assertSchemaFits({ ...PINS, schemaRev: 6 }, PINS);
  });
});

test('what of an answer cannot be read is not told', () => {
  assert.deepEqual(toldPins(reading({ 'x-schema-rev': '7', 'x-index-hash': 'a b' })), { schemaRev: 7 });
});
