import assert from 'node:assert/strict';
import { test } from 'node:test';
import { circumstances, promoted, rolledBack } from './fixtures/record.js';
import { disturbed, upholds } from './fixtures/verdicts.js';
import { assertUpheld } from './referee.js';

test('good records pass: a promotion with a reload, and a rollback', () => {
  upholds(promoted());
  upholds(promoted(), disturbed('proxy', 7_000, 7_200));
  upholds(rolledBack());
});

test('assertUpheld fails with the findings in words', () => {
  assert.throws(() => {
    assertUpheld(rolledBack().onGreen(3_500, { why: 'draw' }), circumstances);
  }, /the referee found:\nI2: a user reached the candidate/);
});

test('another service in the same record is left alone', () => {
  const record = promoted();
  record.command(1_500, 'set map /r/routes.map app2/r1~1 green:4200:on:r1~1.9').revoke(6_500, 'r1~1');
  upholds(record.line(1_500, { svc: 'app2', ts: 'SD--' }));
});
