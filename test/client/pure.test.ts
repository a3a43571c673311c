import assert from 'node:assert/strict';
import { test } from 'node:test';
import { confirmedBy } from '../../src/client/abort.js';
import { visibilityQuery } from '../../src/client/list.js';
import { rollbackPlan } from '../../src/client/promotion.js';
import { closedSighting, openSighting, SILENT } from '../cli/sightings.js';
import { planWith } from '../domain/plans.js';

test('an abort is confirmed by phases that only a confirmed weight leads to', () => {
  const kindAt = (phase: string, weightBp: number): string | undefined => confirmedBy(openSighting({ phase, weightBp }))?.kind;
  assert.deepEqual(
    ['soaking', 'rolling-back', 'frozen', 'draining'].map((phase) => kindAt(phase, 0)),
    [undefined, undefined, undefined, 'accepted'],
  );
  assert.deepEqual(
    ['finalising', 'draining'].map((phase) => kindAt(phase, 10_000)),
    [undefined, 'refused'],
    'until the promotion is confirmed an abort still rolls back',
  );
  assert.deepEqual(
    [confirmedBy(closedSighting({ outcome: 'rolled-back' }))?.kind, confirmedBy(closedSighting())?.kind],
    ['accepted', 'refused'],
  );
  assert.equal(confirmedBy(SILENT), undefined);
});

test('a name cannot end its literal in a visibility query', () => {
  assert.equal(
    visibilityQuery({ service: `a' OR WorkflowId != '\\` }),
    `WorkflowType = 'rollout' AND ExecutionStatus = 'Running' AND SluiceService = 'a\\' OR WorkflowId != \\'\\\\'`,
  );
});

test('a rollback waits for no evidence, no person and no window, and pins nothing of the release that it leaves', () => {
  const pins = { schemaRev: 7, indexHash: 'i', modelTag: 'm' };
  const plan = planWith({
    schemaPins: pins,
    approvals: [{ beforeStep: 0, count: 1, approvers: [], notTheStarter: false }],
    changeWindows: [{ fromMinute: 0, toMinute: 1 }],
  });
  const back = rollbackPlan({ plan, previous: { id: 'blue', release: 'old' } });
  assert.deepEqual(
    [back.candidate, back.steps.map(({ weightBp }) => weightBp), back.approvals, back.changeWindows, back.retry.max],
    [{ id: 'blue', release: 'old' }, [10_000], [], [], 0],
  );
  assert.deepEqual(
    back.judge.gates.map(({ mode, required }) => [mode, required]),
    [['observe', false]],
  );
  assert.equal('schemaPins' in back, false);
  assert.deepEqual(rollbackPlan({ plan, previous: { id: 'blue', release: 'old', schemaPins: pins } }).schemaPins, pins);
});
