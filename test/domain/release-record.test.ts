import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  encodeReleasePolicy,
  encodeReleaseRecord,
  parseReleaseRecord,
  RELEASE_PHASES,
  type ReleaseRecord,
} from '../../src/domain/release-record.js';
import { directiveWith } from './directives.js';

const text = fc.string({ unit: 'grapheme', maxLength: 40 });
const whole = fc.nat({ max: Number.MAX_SAFE_INTEGER });
/** Objects as a program makes them. */
const plain = { noNullPrototype: true } as const;
const pins = fc.record({ schemaRev: whole, indexHash: text, modelTag: text }, plain);
const revision = fc.record(
  { id: text, release: text, slot: text, schemaPins: pins },
  { ...plain, requiredKeys: ['id', 'release'] },
);
const required = fc.record(
  {
    releaseId: text,
    phase: fc.constantFrom(...RELEASE_PHASES),
    revisions: fc.record({ stable: revision, candidate: revision }, { ...plain, requiredKeys: ['stable'] }),
    batchPaused: fc.boolean(),
    revoked: fc.array(text, { maxLength: 4 }),
    ramp: fc.record({ id: text, epoch: whole, owner: text }, plain),
    sequence: whole,
    updatedAt: whole,
    keepKeysUntil: whole,
  },
  plain,
);
const capped = fc.record({ capPerPartition: whole }, { ...plain, requiredKeys: [] });
const records: fc.Arbitrary<ReleaseRecord> = fc.tuple(required, capped).map(([fields, cap]) => ({ ...fields, ...cap }));

test('every record comes back as it was written, also with fields that nobody knows yet', () => {
  fc.assert(
    fc.property(records, fc.jsonValue(), (record, later) => {
      assert.deepEqual(parseReleaseRecord(encodeReleaseRecord(record)), { kind: 'record', record });
      const longer = { ...(JSON.parse(encodeReleaseRecord(record)) as object), later };
      assert.deepEqual(parseReleaseRecord(JSON.stringify(longer)), { kind: 'record', record });
    }),
  );
});

test('whatever stands in the store is a record or a problem in words', () => {
  const mutilated = fc.tuple(records, fc.nat(400), fc.string({ maxLength: 3 })).map(([record, at, put]) => {
    const whole = encodeReleaseRecord(record);
    return whole.slice(0, at) + put + whole.slice(at + put.length + 1);
  });
  const withoutField = fc.tuple(records, fc.nat(9), fc.jsonValue()).map(([record, which, value]) => {
    const fields = Object.entries({ v: 1, ...record });
    return JSON.stringify(Object.fromEntries(fields.map(([name, old], index) => [name, index === which ? value : old])));
  });
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.json(), mutilated, withoutField), (stored) => {
      const parsed = parseReleaseRecord(stored);
      if (parsed.kind === 'problem') assert.match(parsed.problem, /^the release record (has|is) [^\n]+$/);
      else assert.deepEqual(parseReleaseRecord(encodeReleaseRecord(parsed.record)), parsed);
    }),
    { numRuns: 2_000 },
  );
});

const problemOf = (change: object): string => {
  const { keepKeysForMs: _keep, ...policy } = directiveWith();
  const fields = JSON.parse(encodeReleasePolicy(policy)) as object;
  const parsed = parseReleaseRecord(JSON.stringify({ ...fields, updatedAt: 1, keepKeysUntil: 2, ...change }));
  return parsed.kind === 'problem' ? parsed.problem : parsed.kind;
};

for (const [change, problem] of [
  [{}, 'record'],
  [{ v: 2 }, 'the release record has version 2, this guard knows 1: upgrade whichever is older'],
  [{ v: undefined }, 'the release record has version missing, this guard knows 1: upgrade whichever is older'],
  [{ batchPaused: 'no' }, 'the release record has batchPaused "no"'],
  [{ capPerPartition: 1.5 }, 'the release record has capPerPartition 1.5'],
  [{ phase: 'soaking' }, 'the release record has phase "soaking"'],
  [{ ramp: { id: 'r~1', owner: 'x' } }, 'the release record has epoch missing'],
  [{ revisions: {} }, 'the release record has revisions.stable missing'],
] as const)
  test(`a record with ${JSON.stringify(change)} gives: ${problem}`, () => {
    assert.equal(problemOf(change), problem);
  });
