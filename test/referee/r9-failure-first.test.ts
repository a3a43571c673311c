import { test } from 'node:test';
import { climbed, RecordInMaking, supervised } from './fixtures/record.js';
import { breaks, disturbed, upholds } from './fixtures/verdicts.js';

test('R9: something else written after the revocation and before the weight is 0', () => {
  const renewing = climbed(new RecordInMaking(), [100]).revoke(2_800).renew(2_900).route(2_950, 0, 3);
  breaks(renewing.rollout(...supervised(2_900, { kind: 'fail' })), 'R9', /a renewal of ramp/);
  upholds(renewing, disturbed('worker', 2_850, 2_940));
});

test('R9: something else written after the judgement and before the revocation', () => {
  const late = climbed(new RecordInMaking(), [100]).renew(2_900).revoke(2_910).route(2_950, 0, 3);
  breaks(late.rollout(...supervised(2_800, { verdict: { kind: 'fail' } })), 'R9', /a renewal of ramp/);
});

test('R9: a failed ramp that is never revoked, or late', () => {
  breaks(climbed(new RecordInMaking(), [100]).rollout(...supervised(1_900, { kind: 'failed' })), 'R9', /never revoked/);
  const late = climbed(new RecordInMaking(), [100])
    .revoke(9_000)
    .rollout(...supervised(1_900, { kind: 'failed' }));
  breaks(late, 'R9', /only 7101 ms after/);
  upholds(late, disturbed('proxy', 1_950, 8_900));
});

test('R9: a judgement that passes asks for nothing', () => {
  upholds(climbed(new RecordInMaking(), [100]).rollout(...supervised(1_900, { kind: 'pass', evidence: { kind: 'fail' } })));
});
