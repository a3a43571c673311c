import type { Execution } from '../../client/index.js';
import { percent } from '../../domain/telling.js';
import { timestamp } from './durations.js';
import { table } from './table.js';

/** `sluice list`. */
export function rolloutTable(executions: readonly Execution[]): readonly string[] {
  const rows = executions.map(
    ({ service = '?', environment = '?', release = '?', phase = '?', weightBp, outcome, open, startedAt, headline = '' }) => [
      service,
      environment,
      release,
      open ? phase : (outcome ?? 'ended without an outcome'),
      weightBp === undefined ? '?' : percent(weightBp),
      timestamp(startedAt),
      headline,
    ],
  );
  return table([['SERVICE', 'ENVIRONMENT', 'RELEASE', 'STATE', 'WEIGHT', 'STARTED', 'HEADLINE'], ...rows]);
}
