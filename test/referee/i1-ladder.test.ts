import assert from 'node:assert/strict';
import { test } from 'node:test';
import { climbed, event, promoted, RecordInMaking, rewrite, rolledBack, without } from './fixtures/record.js';
import { breaks, disturbed, findings, upholds } from './fixtures/verdicts.js';

test('I1: a weight that is no step of the plan', () => {
  breaks(rewrite(rolledBack(), 'green:500:', 'green:600:'), 'I1', /600 is neither 0 nor a step/);
});

test('I1: a step left out', () => {
  breaks(without(promoted(), 'green:500:'), 'I1', /rose from 100 to 2500, past 500/);
});

test('I1: the first step left out', () => {
  breaks(without(promoted(), 'green:100:'), 'I1', /rose from 0 to 500, past 100/);
});

test("I1: a jump to 100 % is a human's right, and only by message", () => {
  const jump = (): RecordInMaking => without(without(promoted(), 'green:2500'), 'green:5000');
  breaks(jump(), 'I1', /past 2500, 5000/);
  const signalled = jump();
  const [chain] = signalled.rollouts.splice(0);
  const raw = (chain?.[0]?.raw as { events: object[] }).events;
  upholds(signalled.rollout(event(5, 1_900, 'WORKFLOW_EXECUTION_SIGNALED', { signalName: 'promote' }), ...raw));
  signalled.rollouts.length = 0;
  const request = { acceptedRequest: { input: { name: 'promote' } } };
  upholds(signalled.rollout(event(5, 1_900, 'WORKFLOW_EXECUTION_UPDATE_ACCEPTED', request), ...raw));
});

test('I1: a fall to a lower step instead of to 0', () => {
  breaks(climbed(new RecordInMaking(), [100, 500]).route(3_000, 100, 4), 'I1', /fell from 500 to a lower step/);
});

test('I1: a ramp that rises again after it fell', () => {
  const record = climbed(new RecordInMaking(), [100]).route(2_000, 0, 3).route(3_000, 100, 4);
  assert.ok(findings(record).rules.includes('I1'));
});

test('I1: after a disturbance a new ramp may begin where the last one was, and otherwise may not', () => {
  const next = 'r7~ffff0000';
  const resumed = (): RecordInMaking =>
    climbed(new RecordInMaking(), [100, 500]).revoke(3_000).route(3_010, 0, 4).open(4_000, next).route(5_000, 500, 2, next);
  breaks(resumed(), 'I1', /rose from 0 to 500, past 100/);
  upholds(resumed(), disturbed('proxy', 2_900, 2_950));
});

test('I1: another release may have a ladder of its own', () => {
  const rollback = new RecordInMaking().open(0, 'r6~1').route(1_000, 10_000, 2, 'r6~1').onGreen(1_500, { gen: 'r6~1.2' });
  breaks(rollback, 'I1', /past 100, 500, 2500, 5000/);
  upholds(rollback, { otherLadders: [{ release: 'r6', stepsBp: [10_000] }] });
});
