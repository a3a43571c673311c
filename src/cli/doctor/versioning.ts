/**
 * Worker Versioning (design.md §5). Sluice's workers are unversioned unless somebody versions them; then tasks go to the current
 * version alone, and a rollout that is pinned to a version without workers has nobody who aborts it.
 */
import proto from '@temporalio/proto';
import type { SluiceClient } from '../../client/index.js';
import { DRAIN_WORKFLOW, KEEP_WORKFLOW, LONG_TASK_QUEUE, ROLLOUT_WORKFLOW, TASK_QUEUE } from '../../contract/names.js';
import { failed, ok, warning, type Check } from './checks.js';

const { TaskQueueType, WorkerVersioningMode } = proto.temporal.api.enums.v1;

export interface Version {
  readonly deploymentName: string;
  readonly buildId: string;
}

export interface VersionedQueue {
  readonly queue: string;
  /** Gets the tasks of rollouts that are not pinned; undefined: the unversioned workers do. */
  readonly current: Version | undefined;
  /** Gets a share of them while it ramps. */
  readonly ramping: Version | undefined;
  /** One a living poller; undefined: unversioned. */
  readonly pollers: readonly (Version | undefined)[];
}

/** Or what it left behind: the keeper of the old revision, the drain of a superseded rollout. */
export interface PinnedRollout {
  readonly workflowId: string;
  readonly version: Version;
}

const WHAT = 'worker versioning';
/** Names more only confuse. */
const MOST_NAMED = 5;

const nameOf = ({ deploymentName, buildId }: Version): string => `${deploymentName}.${buildId}`;
const isSame = (one: Version | undefined, other: Version | undefined): boolean =>
  one?.deploymentName === other?.deploymentName && one?.buildId === other?.buildId;

const makeCurrent = ({ deploymentName, buildId }: Version): string =>
  `temporal worker deployment set-current-version --deployment-name ${deploymentName} --build-id ${buildId}`;

/** Pure: what the queues and the pins mean. Queues that nobody polls at all are the workers' check. */
export function judgeVersioning(queues: readonly VersionedQueue[], pinned: readonly PinnedRollout[]): readonly Check[] {
  const problems = [...queues.flatMap(problemsOf), ...orphansOf(queues, pinned)];
  if (problems.length > 0) return problems;
  const used = queues.flatMap(({ queue, current, ramping }) => [
    ...(current === undefined ? [] : [`${nameOf(current)} is current for ${queue}`]),
    ...(ramping === undefined ? [] : [`${nameOf(ramping)} ramps for ${queue}`]),
  ]);
  return [
    ok(
      WHAT,
      used.length === 0
        ? 'not used: every worker continues every rollout'
        : [`${used.join(', ')}, and has workers`, ...leavingOf(queues, pinned)].join('; '),
    ),
  ];
}

/** Versions that get nothing new: what their workers are still needed for. */
function leavingOf(queues: readonly VersionedQueue[], pinned: readonly PinnedRollout[]): readonly string[] {
  const leaving = queues.flatMap(({ current, ramping, pollers }) =>
    pollers.filter((poller) => poller !== undefined && !isSame(poller, current) && !isSame(poller, ramping)),
  );
  return [...new Set(leaving.map((version) => nameOf(version as Version)))].map((version) => {
    const ids = pinned.filter((one) => nameOf(one.version) === version).map(({ workflowId }) => workflowId);
    return ids.length === 0
      ? `nothing is pinned to ${version} any more: its workers can be stopped`
      : `${version} drains: keep its workers for ${named(ids)}`;
  });
}

function problemsOf({ queue, current, ramping, pollers }: VersionedQueue): readonly Check[] {
  const polls = (version: Version | undefined): boolean => pollers.some((poller) => isSame(poller, version));
  const without = [current, ramping].filter((version) => version !== undefined).filter((version) => !polls(version));
  const unversioned = pollers.filter((poller) => poller === undefined).length;
  const [waiting] = pollers.filter((poller) => poller !== undefined);
  return [
    ...without.map((version) =>
      failed(
        WHAT,
        `${nameOf(version)} gets the tasks of ${queue}, and nobody polls as it: nothing is dispatched; start its workers, or give the tasks to others: temporal worker deployment set-current-version --deployment-name ${version.deploymentName} --unversioned`,
      ),
    ),
    ...(current === undefined && waiting !== undefined && unversioned === 0
      ? [
          failed(
            WHAT,
            `workers poll ${queue} as ${nameOf(waiting)}, and no version is current: nothing is dispatched; ${makeCurrent(waiting)}`,
          ),
        ]
      : []),
    ...(current !== undefined && unversioned > 0
      ? [
          warning(
            WHAT,
            `${unversioned} unversioned poll ${queue}, and ${nameOf(current)} is current: they get no new work; start them as a version, or stop them`,
          ),
        ]
      : []),
  ];
}

function orphansOf(queues: readonly VersionedQueue[], pinned: readonly PinnedRollout[]): readonly Check[] {
  const alive = queues.find(({ queue }) => queue === TASK_QUEUE)?.pollers ?? [];
  const orphans = pinned.filter(({ version }) => !alive.some((poller) => isSame(poller, version)));
  return [...new Set(orphans.map(({ version }) => nameOf(version)))].map((version) => {
    const ids = orphans.filter((orphan) => nameOf(orphan.version) === version).map(({ workflowId }) => workflowId);
    return failed(
      WHAT,
      `pinned to ${version}, which has no worker: ${named(ids)}; nobody can abort them; start its workers again, or: temporal workflow update-options --workflow-id ID --versioning-override-behavior auto_upgrade`,
    );
  });
}

const named = (ids: readonly string[]): string =>
  `${ids.slice(0, MOST_NAMED).join(', ')}${ids.length > MOST_NAMED ? ` and ${ids.length - MOST_NAMED} more` : ''}`;

export async function checkVersioning(client: SluiceClient): Promise<readonly Check[]> {
  const living = await client.workers();
  const { TASK_QUEUE_TYPE_WORKFLOW, TASK_QUEUE_TYPE_ACTIVITY } = TaskQueueType;
  const [short, long, pinned] = await Promise.all([
    queueOf(client, TASK_QUEUE, TASK_QUEUE_TYPE_WORKFLOW, living.workflows),
    queueOf(client, LONG_TASK_QUEUE, TASK_QUEUE_TYPE_ACTIVITY, living.long),
    pinnedRollouts(client),
  ]);
  return judgeVersioning([short, long], pinned);
}

async function queueOf(
  { temporal: { connection, namespace } }: SluiceClient,
  queue: string,
  taskQueueType: proto.temporal.api.enums.v1.TaskQueueType,
  living: readonly string[],
): Promise<VersionedQueue> {
  const { versioningInfo, pollers } = await connection.withDeadline(Date.now() + 5_000, () =>
    connection.workflowService.describeTaskQueue({ namespace, taskQueue: { name: queue }, taskQueueType }),
  );
  return {
    queue,
    current: versionOf(versioningInfo?.currentDeploymentVersion),
    ramping:
      (versioningInfo?.rampingVersionPercentage ?? 0) > 0 ? versionOf(versioningInfo?.rampingDeploymentVersion) : undefined,
    pollers: pollers
      .filter(({ identity }) => living.includes(identity ?? ''))
      .map(({ deploymentOptions }) =>
        deploymentOptions?.workerVersioningMode === WorkerVersioningMode.WORKER_VERSIONING_MODE_VERSIONED
          ? versionOf(deploymentOptions)
          : undefined,
      ),
  };
}

async function pinnedRollouts({ temporal: { connection, namespace } }: SluiceClient): Promise<readonly PinnedRollout[]> {
  const { executions } = await connection.withDeadline(Date.now() + 5_000, () =>
    connection.workflowService.listWorkflowExecutions({
      namespace,
      query: `WorkflowType IN ('${ROLLOUT_WORKFLOW}', '${KEEP_WORKFLOW}', '${DRAIN_WORKFLOW}') AND ExecutionStatus = 'Running' AND TemporalWorkflowVersioningBehavior = 'Pinned'`,
      pageSize: 1_000,
    }),
  );
  // In a listing the version stands in Temporal's own search attributes alone, as "deployment:build".
  return executions.flatMap(({ execution, searchAttributes }) => {
    const deploymentName = textIn(searchAttributes?.indexedFields?.['TemporalWorkerDeployment']);
    const version = textIn(searchAttributes?.indexedFields?.['TemporalWorkerDeploymentVersion']);
    if (deploymentName === undefined || version === undefined) return [];
    const buildId = version.slice(deploymentName.length + 1);
    return [{ workflowId: execution?.workflowId ?? '', version: { deploymentName, buildId } }];
  });
}

function textIn(payload: proto.temporal.api.common.v1.IPayload | undefined): string | undefined {
  const value: unknown = payload?.data ? JSON.parse(Buffer.from(payload.data).toString('utf8')) : undefined;
  return typeof value === 'string' ? value : undefined;
}

function versionOf(
  named: { readonly deploymentName?: string | null; readonly buildId?: string | null } | null | undefined,
): Version | undefined {
  const { deploymentName, buildId } = named ?? {};
  return deploymentName && buildId ? { deploymentName, buildId } : undefined;
}
