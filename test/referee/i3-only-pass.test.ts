import { test } from 'node:test';
import { climbed, completed, event, passes, promoted, RecordInMaking, supervised } from './fixtures/record.js';
import { breaks, PROMOTED, upholds } from './fixtures/verdicts.js';

test('I3: an advance without a pass, or on something else', () => {
  const inconclusive = (): RecordInMaking => {
    const record = promoted();
    record.rollouts.length = 0;
    const later = passes().slice(4);
    return record.rollout(
      ...supervised(1_900, { kind: 'passed' }),
      ...supervised(2_900, { kind: 'bucket-ended' }),
      ...later,
      completed(8_000, PROMOTED),
    );
  };
  breaks(inconclusive(), 'I3', /rose from 500 without a pass/);
  upholds(inconclusive(), { acceptsOnProbes: true });
});

test('I3: a pass that an interrupted supervision carries, and a skip, do as well', () => {
  const record = climbed(new RecordInMaking(), [100, 500]);
  upholds(record.rollout(...supervised(1_900, { kind: 'interrupted', judgement: { verdict: 'pass' } })));
  record.rollouts.length = 0;
  upholds(record.rollout(event(5, 1_900, 'WORKFLOW_EXECUTION_SIGNALED', { signalName: 'skip' })));
});
