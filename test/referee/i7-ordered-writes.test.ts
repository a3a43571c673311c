import { test } from 'node:test';
import { climbed, promoted, RAMP, RecordInMaking, rewrite, rolledBack } from './fixtures/record.js';
import { breaks, upholds } from './fixtures/verdicts.js';

test('I7: a write without a sequence', () => {
  breaks(rewrite(promoted(), `green:500:on:${RAMP}.3`, `green:500:on:${RAMP}`), 'I7', /no whole route/, {
    stepsBp: [100, 2_500, 5_000, 10_000],
  });
});

test("I7: a write under another ramp's key", () => {
  breaks(rewrite(promoted(), `app1/${RAMP} green:500:`, 'app1/r7~9 green:500:'), 'I7', /not under its own ramp/);
});

test('I7: a sequence that goes back while the ramp has power', () => {
  breaks(promoted().route(5_900, 5_000, 5), 'I7', /went back from 6/);
});

test('I7: one sequence with two values', () => {
  const other = `set map /r/routes.map app1/${RAMP} green:500:off:${RAMP}.3`;
  breaks(promoted().command(2_100, other), 'I7', /sequence 3 .* was green:500:on/);
});

test('I7: a retry repeats its write, also set and then add', () => {
  upholds(promoted().route(2_100, 500, 3).route(6_030, 0, 7));
});

test('I7: the weight set to 0 before the revocation, or without one', () => {
  const late = climbed(new RecordInMaking(), [100]).route(2_000, 0, 3).revoke(2_010).line(2_500);
  breaks(late, 'I7', /before the ramp was revoked/);
  breaks(climbed(new RecordInMaking(), [100]).route(2_000, 0, 3).line(2_500), 'I7', /never revoked/);
});

test('I7: a revocation that HAProxy refused is none', () => {
  const refused = climbed(new RecordInMaking(), [100])
    .command(1_900, `add map /r/revoked.map ${RAMP} 1`, 'Permission denied.')
    .route(2_000, 0, 3);
  breaks(refused, 'I7', /never revoked/);
});

test('I7: a revoked ramp raised anew, but not a late write of an old sequence', () => {
  upholds(rolledBack().route(3_200, 500, 3));
  breaks(climbed(new RecordInMaking(), [100]).revoke(2_000).route(2_500, 500, 3), 'I7', /raised anew/);
});

test('I7: a revocation taken back', () => {
  breaks(rolledBack().command(3_500, `del map /r/revoked.map ${RAMP}`), 'I7', /del map/);
});
