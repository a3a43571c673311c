/** Recorded histories: a file a scenario, holding the chain of runs as the Temporal CLI prints them. */
import { readFileSync } from 'node:fs';
import { readHistory, type WorkflowHistory } from '../harness/workflow-history.js';

export const historyFile = (scenario: string): URL => new URL(`./histories/${scenario}.json`, import.meta.url);

/** Throws where nothing was recorded. */
export function recorded(scenario: string): readonly WorkflowHistory[] {
  return (JSON.parse(readFileSync(historyFile(scenario), 'utf8')) as unknown[]).map(readHistory);
}
