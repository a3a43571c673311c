import { test } from 'node:test';
import { BEGIN, RAMP, RecordInMaking, rolledBack, without } from './fixtures/record.js';
import { breaks, upholds } from './fixtures/verdicts.js';

test('lease: a user on the candidate when the log, or the last renewal, says that it had ended', () => {
  breaks(rolledBack().onGreen(2_750, { lease: 'expired' }), 'lease', /without a live lease/);
  const lapsed = new RecordInMaking().open(0).renew(10, RAMP, 2).route(20, 100, 2);
  const short = without(lapsed, `${RAMP} ${String(BEGIN / 1_000 + 600)}`);
  upholds(short.onGreen(1_900, { gen: `${RAMP}.2` }));
  breaks(short.onGreen(2_100, { gen: `${RAMP}.2` }), 'lease', /without a live lease/);
});
