import { test } from 'node:test';
import { rolledBack } from './fixtures/record.js';
import { breaks, upholds } from './fixtures/verdicts.js';

test('I2: a user on the candidate after the revocation was answered', () => {
  breaks(rolledBack().onGreen(2_802, { why: 'draw' }), 'I2', /1 ms after ramp/);
});

test('I2: a request routed before the answer, and one with a pin, are right', () => {
  upholds(rolledBack().onGreen(2_801).onGreen(3_500, { why: 'pin', lease: 'revoked' }));
});

test('I2: a retry may bring users again from its first raising write on', () => {
  const next = 'r7~ffff0000';
  const retried = rolledBack()
    .open(3_100, next)
    .route(3_500, 100, 2, next)
    .onGreen(3_520, { gen: `${next}.2` });
  upholds(retried);
  breaks(retried.onGreen(3_300, { why: 'draw' }), 'I2', /reached the candidate/);
});

test('I2: a late raise of the revoked ramp opens nothing', () => {
  breaks(rolledBack().route(3_000, 500, 3).onGreen(3_500), 'I2', /reached the candidate/);
});
