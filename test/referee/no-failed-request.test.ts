import { test } from 'node:test';
import { promoted } from './fixtures/record.js';
import { breaks, disturbed, upholds } from './fixtures/verdicts.js';

test('no-failed-request: a 5xx of the proxy itself', () => {
  breaks(promoted().line(1_700, { st: 503, ts: 'SC--' }), 'no-failed-request', /the proxy itself failed/);
  breaks(promoted().line(1_700, { st: 502, ts: 'SH--' }), 'no-failed-request', /the proxy itself failed/);
  upholds(promoted().line(1_700, { st: 503, ts: 'SC--' }), disturbed('slot', 1_000, 2_000, 'blue'));
  upholds(promoted().line(1_700, { st: 500, ts: '----' }).line(1_710, { st: 503, ts: 'SC--', why: 'pin' }));
});
