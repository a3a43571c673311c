import assert from 'node:assert/strict';
import { test } from 'node:test';
import { changes } from '../../../src/cli/render/changes.js';
import { plain } from '../../../src/cli/render/text.js';
import type { View } from '../../../src/cli/render/view.js';
import type { Blocker } from '../../../src/domain/blockers.js';
import { describeBlocker } from '../../../src/domain/details.js';
import { closedSighting, ENTRY, ERRORS, NOON, openSighting, SILENT, TARGET } from '../sightings.js';

const view: View = { now: NOON, paint: plain };
const first = openSighting();
const paused: Blocker = { kind: 'paused', by: { name: 'ann', verified: false }, reason: 'lunch', expires: NOON };
const judged = { at: NOON, soakedMs: 600_000 } as const;

test('the first look tells everything, one line each', () => {
  assert.deepEqual(changes({}, first, TARGET, view), [
    '12:00:00Z  25 %  sluice: step 3 of 5: 25 %',
    'answer-api production  9f3c1e → green   step 3/5  25 %  ███░░░░░░░   soak 06:12/10:00',
    '25 %  5xx: inconclusive: 1,880 more requests (stable 0.10 %, candidate 0.12 %)',
    '25 %  p95: pass: accepted: at most 31 extra bad requests at the next step (stable 412 ms, candidate 431 ms)',
    'blocked by: soak',
  ]);
});

test('the same again tells nothing, though its figures have moved', () => {
  const moved = openSighting({
    judgement: { ...judged, verdict: 'inconclusive', gates: [{ ...ERRORS, figures: { ...ERRORS.figures, moreRequests: 3 } }] },
  });
  assert.deepEqual(changes({ last: first, open: first }, moved, TARGET, view), []);
});

test('a new entry of the timeline, a new verdict and a new blocker are lines', () => {
  const next = openSighting({
    timeline: [ENTRY, { ...ENTRY, at: NOON + 1_000, by: { name: 'ann', verified: false }, what: 'pause: lunch' }],
    judgement: { ...judged, verdict: 'pass', gates: [{ ...ERRORS, verdict: 'pass', reason: 'certified' }] },
    blockers: [paused],
  });
  assert.deepEqual(changes({ last: first, open: first }, next, TARGET, view), [
    '12:00:01Z  25 %  ann (claimed): pause: lunch',
    '25 %  5xx: pass: certified (stable 0.10 %, candidate 0.12 %)',
    `blocked by: ${describeBlocker(paused)}`,
  ]);
});

test('that a gate still soaks is no line of its own, and what it says after its soak is one', () => {
  const soaking = openSighting({ judgement: { ...judged, verdict: 'inconclusive', gates: [{ ...ERRORS, reason: 'soaking' }] } });
  assert.doesNotMatch(changes({}, soaking, TARGET, view).join('\n'), /5xx/);
  assert.match(
    changes({ last: soaking, open: soaking }, first, TARGET, view).join('\n'),
    /5xx: inconclusive: 1,880 more requests/,
  );
});

test('a silence is said once, and what was told before it is not told again after it', () => {
  assert.equal(changes({ last: first, open: first }, SILENT, TARGET, view).length, 3);
  assert.deepEqual(changes({ last: SILENT, open: first }, SILENT, TARGET, view), []);
  assert.deepEqual(changes({ last: SILENT, open: first }, first, TARGET, view), []);
});

test('the closing brings the last entries of the timeline', () => {
  const closed = closedSighting({
    timeline: [ENTRY, { ...ENTRY, at: NOON + 5_000, what: 'promoted: 9f3c1e serves everybody', weightBp: 10_000 }],
  });
  assert.deepEqual(changes({ last: first, open: first }, closed, TARGET, view), [
    '12:00:05Z  100 %  sluice: promoted: 9f3c1e serves everybody',
  ]);
});
