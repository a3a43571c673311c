import assert from 'node:assert/strict';
import { test } from 'node:test';
import { evidenceLines } from '../../../src/cli/render/evidence.js';
import { closedSighting, ENTRY, ERRORS, LATENCY, NOON, openSighting, SILENT } from '../sightings.js';

const FAILED =
  '5xx: candidate 12 of 480 (2.5 %), stable 9 of 9,120 (0.10 %): at least 0.9 points worse (tolerance 0.05). Failed after 35 s. False-alarm budget used: 0.05 of 1 %.';

test('status shows what every gate said at the last tick, and which of them only observes', () => {
  const live = {
    judgement: { at: NOON, verdict: 'inconclusive', gates: [ERRORS, { ...LATENCY, decisive: false }], soakedMs: 1 },
  } as const;
  assert.deepEqual(evidenceLines(openSighting({}, live)), [`  ${ERRORS.sentence}`, `  ${LATENCY.sentence} (observed)`]);
});

test('once nobody watches, the evidence of the last decision stands', () => {
  const timeline = [
    { ...ENTRY, what: 'step 2 passed', gates: [LATENCY] },
    { ...ENTRY, what: 'rollback', gates: [{ ...ERRORS, verdict: 'fail', sentence: FAILED }] },
    ENTRY,
  ] as const;
  assert.deepEqual(evidenceLines(closedSighting({ timeline })), [`  ${FAILED}`]);
  assert.deepEqual(evidenceLines(openSighting({ judgement: undefined, phase: 'cooling-off', timeline })), [`  ${FAILED}`]);
});

test('what is not known is not told', () => {
  assert.deepEqual(evidenceLines(SILENT), []);
});
