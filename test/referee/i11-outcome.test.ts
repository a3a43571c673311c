import { test } from 'node:test';
import { completed, passes, promoted, RAMP, rolledBack } from './fixtures/record.js';
import { breaks, PROMOTED, upholds } from './fixtures/verdicts.js';

test('I11: a promotion that the router does not know of', () => {
  const record = rolledBack();
  record.rollouts.length = 0;
  record.exits.length = 0;
  record.rollout(...passes(), completed(4_000, PROMOTED));
  breaks(record, 'I11', /says promoted with green serving, but the router's stable slot is blue/);
});

test('I11: a rollback while the router still sends users to the candidate', () => {
  const record = rolledBack();
  breaks(record.snapshot(4_600, { route: `green:500:on:${RAMP}.3`, revoked: 'no' }), 'I11', /sends 500 bp/);
});

test('I11: no snapshot after the end proves nothing', () => {
  const record = rolledBack();
  record.snapshots.pop();
  breaks(record, 'I11', /no snapshot/);
});

test('I11: an outcome that cannot be read is a finding, a workflow still running is none', () => {
  const record = rolledBack();
  record.rollouts.length = 0;
  record.exits.length = 0;
  upholds(record);
  breaks(record.rollout(...passes(), completed(4_000, { status: 'done' })), 'I11', /without an outcome/);
});

test('I11: a result that names no stable revision is held against the slot that was stable', () => {
  const record = promoted();
  record.rollouts.length = 0;
  upholds(record.rollout(...passes(), completed(8_000, { outcome: { kind: 'promoted' } })));
  record.rollouts.length = 0;
  record.exits.length = 0;
  breaks(record.rollout(...passes(), completed(8_000, { outcome: 'rolled-back' })), 'I11', /router's stable slot is green/);
});
