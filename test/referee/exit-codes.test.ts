import { test } from 'node:test';
import { rolledBack } from './fixtures/record.js';
import { breaks, upholds } from './fixtures/verdicts.js';

test('exit-codes: the CLI says something else than the workflow', () => {
  const record = rolledBack();
  record.exits.length = 0;
  breaks(record.exit(4_100, 0), 'exit-codes', /exited with 0 \(promoted\), but the workflow says rolled-back/);
  record.exits.length = 0;
  upholds(record.exit(4_100, 5).exit(4_200, 3));
});
