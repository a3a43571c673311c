import assert from 'node:assert/strict';
import { test } from 'node:test';
import { planLines } from '../../../src/cli/render/plan.js';
import { rolloutTable } from '../../../src/cli/render/rollouts.js';
import { timelineLines } from '../../../src/cli/render/timeline.js';
import { planWith } from '../../domain/plans.js';
import { ENTRY, ERRORS, EXECUTION, NOON } from '../sightings.js';

test('a timeline shows time, weight, author and evidence, and marks names that were only claimed', () => {
  const abort = { at: NOON + 60_000, by: { name: 'ann', verified: false }, what: 'abort', weightBp: 0 };
  assert.deepEqual(timelineLines([{ ...ENTRY, gates: [ERRORS] }, abort]), [
    '2026-11-24 12:00:00Z  25 %  sluice         step 3 of 5: 25 %',
    `    ${ERRORS.sentence}`,
    '2026-11-24 12:01:00Z  0 %   ann (claimed)  abort',
  ]);
});

test('a list names the phase of open rollouts and the outcome of closed ones', () => {
  const [, open, closed, cut] = rolloutTable([
    EXECUTION,
    { ...EXECUTION, open: false, outcome: 'rolled-back', weightBp: 0 },
    { ...EXECUTION, open: false, status: 'TERMINATED' },
  ]);
  assert.match(open ?? '', /^answer-api +production +9f3c1e +soaking +25 % +2026-11-24 12:00:00Z +AT 25 %/);
  assert.match(closed ?? '', /rolled-back +0 %/);
  assert.match(cut ?? '', /ended without an outcome/);
});

test('a plan is shown in the order in which it happens, with its warnings at the end', () => {
  const lines = planLines(
    planWith({ approvals: [{ beforeStep: 3, count: 2, approvers: ['ann', 'bob'], notTheStarter: true }] }),
    ['something'],
  );
  assert.equal(lines[0], 'answer-api production: 9f3c1e → green, profile standard');
  assert.match(lines.join('\n'), /4\/5 {3}50 % +█████░░░░░ +10m +1h +2 approvals of ann, bob, not the starter/);
  assert.match(lines.join('\n'), /5\/5 {3}100 % +██████████ +10m \(bake\)/);
  assert.match(lines.join('\n'), /errors +sequential +0\.05 % +required/);
  assert.equal(lines.at(-1), 'warning: something');
});
