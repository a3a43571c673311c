import {
  WorkflowNotFoundError,
  type WorkflowExecutionDescription,
  type WorkflowExecutionInfo,
  type WorkflowExecutionStatusName,
} from '@temporalio/client';
import { MEMO, rolloutId } from '../contract/names.js';
import type { Target } from '../domain/words.js';
import { readAttributes, type FoundAttributes } from './search-attributes.js';
import { call, type Temporal } from './temporal.js';

/** What Temporal itself knows of a rollout, worker or not. */
export interface Execution extends FoundAttributes {
  readonly workflowId: string;
  readonly runId: string;
  readonly status: WorkflowExecutionStatusName;
  readonly open: boolean;
  readonly startedAt: Date;
  readonly closedAt?: Date;
  readonly headline?: string;
  readonly digest?: string;
  readonly profile?: string;
}

export type Found =
  | { readonly kind: 'none' }
  | { readonly kind: 'found'; readonly execution: Execution; readonly description: WorkflowExecutionDescription };

/** The newest run of a target's rollout. */
export async function findExecution(temporal: Temporal, target: Target): Promise<Found> {
  try {
    const description = await call(temporal, () => temporal.client.workflow.getHandle(rolloutId(target)).describe());
    return { kind: 'found', execution: readExecution(description), description };
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return { kind: 'none' };
    throw error;
  }
}

type Described = Pick<
  WorkflowExecutionInfo,
  'workflowId' | 'runId' | 'status' | 'startTime' | 'closeTime' | 'memo' | 'typedSearchAttributes'
>;

export function readExecution({
  workflowId,
  runId,
  status,
  startTime,
  closeTime,
  memo,
  typedSearchAttributes,
}: Described): Execution {
  const texts = ([MEMO.headline, MEMO.digest, MEMO.profile] as const).flatMap((name) => {
    const value = memo?.[name];
    return typeof value === 'string' ? [[name, value] as const] : [];
  });
  return {
    // Attributes last: an id says the same, but only they are there for every rollout.
    ...targetOfId(workflowId),
    ...readAttributes(typedSearchAttributes),
    ...Object.fromEntries(texts),
    workflowId,
    runId,
    status: status.name,
    open: status.name === 'RUNNING' || status.name === 'PAUSED',
    startedAt: startTime,
    ...(closeTime === undefined ? {} : { closedAt: closeTime }),
  };
}

/** `rollout/<environment>/<service>`. */
function targetOfId(workflowId: string): Partial<Target> {
  const [, environment, service] = /^rollout\/([^/]+)\/(.+)$/.exec(workflowId) ?? [];
  return environment === undefined || service === undefined ? {} : { environment, service };
}
