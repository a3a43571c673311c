import { test } from 'node:test';
import { climbed, event, RecordInMaking } from './fixtures/record.js';
import { breaks, upholds } from './fixtures/verdicts.js';

/** The fixture raises once a second. */
const climb = (): RecordInMaking => climbed(new RecordInMaking(), [100, 500]);

test('A22: a step that was left before its soak, unless a human said so', () => {
  upholds(climb(), { soakMs: 900, acceptsOnProbes: true });
  breaks(climb(), 'A22', /left 100 for 500 after \d+ ms, but the soak is 5000 ms/, { soakMs: 5_000, acceptsOnProbes: true });
  const skipped = climb().rollout(event(5, 1_900, 'WORKFLOW_EXECUTION_SIGNALED', { signalName: 'skip' }));
  upholds(skipped, { soakMs: 5_000 });
});
