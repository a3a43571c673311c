import assert from 'node:assert/strict';
import { test } from 'node:test';
import { promoted, type RecordInMaking, rolledBack } from './fixtures/record.js';
import { breaks, findings, upholds } from './fixtures/verdicts.js';

test('R15: a user drawn to the old revision at 100 %', () => {
  breaks(promoted().line(5_500, { why: 'bucket' }), 'R15', /drawn to the old revision at 100 %/);
});

test('R15: a reconnecting stream, and a user while the candidate is down, may go there', () => {
  upholds(promoted().line(5_500, { why: 'relpin' }).line(5_510, { why: 'candidate-down' }).line(5_001));
});

test('R15: a user on the old revision after the finalise, in the process that was told', () => {
  breaks(promoted().line(6_002, { why: 'no-lease', lease: 'revoked' }), 'R15', /after green was finalised/);
});

test('R15: a late raise of the revoked ramp to 100 % judges nobody', () => {
  const next = 'r7~ffff0000';
  const record = rolledBack()
    .route(3_100, 10_000, 3)
    .open(3_200, next)
    .route(3_300, 100, 2, next)
    .line(3_500, { gen: `${next}.2` });
  assert.ok(!findings(record).rules.includes('R15'));
});

test('R15: a worker of an earlier load is told by itself, a moment later', () => {
  const told = (): RecordInMaking =>
    promoted().line(5_990, { pid: 99, why: 'relpin' }).command(6_030, '@!99 set map /r/stable.map app1 green');
  upholds(told().line(6_025, { pid: 99, why: 'candidate-down' }));
  breaks(told().line(6_040, { pid: 99, why: 'candidate-down' }), 'R15', /after green was finalised/);
});
