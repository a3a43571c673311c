import assert from 'node:assert/strict';
import { test } from 'node:test';
import { screen } from '../../../src/cli/render/screen.js';
import { plain } from '../../../src/cli/render/text.js';
import type { View } from '../../../src/cli/render/view.js';
import { describeBlocker } from '../../../src/domain/details.js';
import { planWith } from '../../domain/plans.js';
import { BROKEN, closedSighting, ERRORS, NONE, NOON, openSighting, SILENT, TARGET, UNREACHABLE } from '../sightings.js';

const view: View = { now: NOON + 2_000, paint: plain, plan: planWith() };

test('a soaking step is shown with its soak, its lease, its gates, what holds it and what can be done', () => {
  const blockers = [
    { kind: 'soaking', soakedMs: 60_000, soakMs: 600_000 },
    { kind: 'awaiting-approval', missing: 1, approvers: ['oncall'], expires: NOON },
  ] as const;
  assert.deepEqual(screen(openSighting({ blockers }, { heartbeatAt: NOON }), TARGET, view), [
    'answer-api production  9f3c1e → green   step 3/5  25 %  ███░░░░░░░   soak 06:12/10:00   lease 28 s',
    '     stable  candidate  verdict',
    '5xx  0.10 %  0.12 %     inconclusive: 1,880 more requests',
    'p95  412 ms  431 ms     pass: accepted: at most 31 extra bad requests at the next step',
    `blocked by: soak · ${describeBlocker(blockers[1])}`,
    'approve: sluice approve answer-api --env production --reason "…"   pause: sluice pause …   abort: sluice abort …',
  ]);
});

test('the last tick of a running supervision comes before what the last bucket brought', () => {
  const live = {
    judgement: { at: NOON, verdict: 'pass', gates: [{ ...ERRORS, verdict: 'pass', reason: 'certified' }], soakedMs: 500_000 },
  } as const;
  const lines = screen(openSighting({}, live), TARGET, view);
  assert.match(lines[0] ?? '', /soak 08:20\/10:00$/);
  assert.match(lines[2] ?? '', /pass: certified$/);
});

test('no lease is shown while nobody is on the candidate, nor before somebody has renewed', () => {
  assert.doesNotMatch(
    screen(openSighting({ weightBp: 0, phase: 'probing' }, { heartbeatAt: NOON }), TARGET, view).join('\n'),
    /lease/,
  );
  assert.doesNotMatch(screen(openSighting(), TARGET, view).join('\n'), /lease/);
});

test('a rehearsal says so', () => {
  assert.match(screen(openSighting({ rehearsal: true }), TARGET, view)[0] ?? '', /rehearsal$/);
});

test('a frozen rollout shows its headline, and retry and abort', () => {
  const lines = screen(
    openSighting({ phase: 'frozen', weightBp: 0, headline: 'FROZEN at 25 %', blockers: [], judgement: undefined }),
    TARGET,
    view,
  );
  assert.equal(lines[1], 'FROZEN at 25 %');
  assert.match(lines.at(-1) ?? '', /^retry: .* {3}abort: /);
});

test('a closed rollout begins with its headline and names who serves, the gates and the findings', () => {
  assert.deepEqual(screen(closedSighting({ findings: ['2 streams were still open'] }), TARGET, view), [
    'PROMOTED · answer-api 9f3c1e',
    'serving everybody: green (9f3c1e)',
    'gates: errors; not judged: latency',
    'finding: 2 streams were still open',
  ]);
});

test('what cannot be seen is said in one line, and what to do', () => {
  assert.deepEqual(screen(SILENT, TARGET, view), [
    'answer-api production: no worker answers',
    'last known: AT 25 % · answer-api 9f3c1e · step 3 of 5',
    'start a worker: sluice worker',
  ]);
  assert.match(screen(BROKEN, TARGET, view)[0] ?? '', /ended without an outcome: terminated/);
  assert.match(screen(NONE, TARGET, view)[0] ?? '', /no rollout of "answer-api" in "production" is known; .*sluice list --all/);
  assert.equal(screen(UNREACHABLE, TARGET, view).length, 1);
});
