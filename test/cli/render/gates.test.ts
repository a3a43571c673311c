import assert from 'node:assert/strict';
import { test } from 'node:test';
import { gateRow, measured, verdictInWords } from '../../../src/cli/render/gates.js';
import { plain } from '../../../src/cli/render/text.js';
import { ERRORS, LATENCY } from '../sightings.js';

test('a gate is shown with both sides and what it waits for', () => {
  assert.deepEqual(gateRow(ERRORS, plain), ['5xx', '0.10 %', '0.12 %', 'inconclusive: 1,880 more requests']);
  assert.deepEqual(gateRow(LATENCY, plain), [
    'p95',
    '412 ms',
    '431 ms',
    'pass: accepted: at most 31 extra bad requests at the next step',
  ]);
});

test('no data is shown as no data, never as zero', () => {
  assert.deepEqual(measured({ ...ERRORS, figures: {} }), { stable: '–', candidate: '–' });
  assert.deepEqual(measured({ ...ERRORS, figures: { stableRequests: 0, stableBad: 0, candidateRequests: 5, candidateBad: 0 } }), {
    stable: '–',
    candidate: '0 %',
  });
});

test('alone at 100 % the candidate is shown beside the limit that stable left', () => {
  assert.deepEqual(measured({ ...ERRORS, figures: { stableRateLimit: 0.002, candidateRequests: 100, candidateBad: 1 } }), {
    stable: '≤ 0.20 %',
    candidate: '1.0 %',
  });
});

test('a gate that only observes is marked', () => {
  assert.equal(
    verdictInWords({ ...ERRORS, verdict: 'fail', reason: 'worse', decisive: false }),
    'fail: the candidate is worse (observed)',
  );
});
