import { ROLLOUT_WORKFLOW, SEARCH_ATTRIBUTES } from '../contract/names.js';
import { readExecution, type Execution } from './execution.js';
import { translate } from './problem.js';
import { call, type Temporal } from './temporal.js';

export interface ListFilter {
  readonly service?: string;
  readonly environment?: string;
  readonly phase?: string;
  readonly outcome?: string;
  /** Closed rollouts as well. */
  readonly all?: boolean;
  /** The newest so many (100). */
  readonly limit?: number;
}

/** By search attributes, so that no worker is needed. Temporal's index lags by about a second. */
export async function listRollouts(temporal: Temporal, filter: ListFilter = {}): Promise<readonly Execution[]> {
  const { limit = 100 } = filter;
  const found: Execution[] = [];
  try {
    for await (const info of temporal.client.workflow.list({ query: visibilityQuery(filter), pageSize: Math.min(limit, 100) })) {
      found.push(readExecution(info));
      if (found.length >= limit) break;
    }
  } catch (error) {
    throw translate(error, temporal);
  }
  return found;
}

export async function countOpen(temporal: Temporal): Promise<number> {
  const { count } = await call(temporal, () => temporal.client.workflow.count(visibilityQuery({})));
  return count;
}

export function visibilityQuery({ service, environment, phase, outcome, all = false }: ListFilter): string {
  const wanted = [
    [SEARCH_ATTRIBUTES.service, service],
    [SEARCH_ATTRIBUTES.environment, environment],
    [SEARCH_ATTRIBUTES.phase, phase],
    [SEARCH_ATTRIBUTES.outcome, outcome],
  ] as const;
  return [
    `WorkflowType = ${quoted(ROLLOUT_WORKFLOW)}`,
    // An execution that continued as new is the same rollout, which is open.
    all ? `ExecutionStatus != 'ContinuedAsNew'` : `ExecutionStatus = 'Running'`,
    ...wanted.flatMap(([name, value]) => (value === undefined ? [] : [`${name} = ${quoted(value)}`])),
  ].join(' AND ');
}

/** Names come from the command line: a quote must not end the literal. */
const quoted = (value: string): string => `'${value.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
