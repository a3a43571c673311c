/** The moments at which something is killed, read from a history, and how a running rollout is followed to one of them. */
import type { Client } from '@temporalio/client';
import { until } from '../harness/until.js';
import { ROLLOUT } from '../integration/plant.js';

/** The n-th event of its kind, from 1. */
export interface KillPoint {
  readonly on: 'workflow-task-completed' | 'activity-started' | 'activity-completed';
  /** The activity's type; empty for a workflow task. */
  readonly activity: string;
  readonly nth: number;
}

export const nameOf = ({ on, activity, nth }: KillPoint): string =>
  [on, ...(activity === '' ? [] : [activity]), String(nth)].join(' ');

type Events = NonNullable<Awaited<ReturnType<ReturnType<Client['workflow']['getHandle']>['fetchHistory']>>['events']>;
type Event = Events[number];

export async function eventsOf(client: Client): Promise<Events> {
  return (await client.workflow.getHandle(ROLLOUT).fetchHistory()).events ?? [];
}

/** After every workflow-task completion, and at every activity start and completion. */
export function killPoints(events: Events): readonly KillPoint[] {
  const counts = new Map<string, number>();
  return events.flatMap((event) => {
    const kind = kindOf(event, events);
    if (kind === undefined) return [];
    const key = `${kind.on} ${kind.activity}`;
    const nth = (counts.get(key) ?? 0) + 1;
    counts.set(key, nth);
    return [{ ...kind, nth }];
  });
}

function kindOf(event: Event, events: Events): Omit<KillPoint, 'nth'> | undefined {
  const activity = (scheduled: unknown): string =>
    events.find(({ eventId }) => String(eventId) === String(scheduled))?.activityTaskScheduledEventAttributes?.activityType
      ?.name ?? '';
  if (event.workflowTaskCompletedEventAttributes) return { on: 'workflow-task-completed', activity: '' };
  const { activityTaskStartedEventAttributes: started, activityTaskCompletedEventAttributes: completed } = event;
  if (started) return { on: 'activity-started', activity: activity(started.scheduledEventId) };
  if (completed) return { on: 'activity-completed', activity: activity(completed.scheduledEventId) };
  return undefined;
}

/** What the history said last at the moment; undefined where the rollout ended without coming to it. */
export async function reach(client: Client, point: KillPoint): Promise<string | undefined> {
  const starts = new Set<string>();
  const { last } = await until(
    async () => {
      if (point.on === 'activity-started' && (await hasStarted(client, point, starts)))
        return { last: describe(await eventsOf(client)) };
      const events = await eventsOf(client);
      if (killPoints(events).some((other) => nameOf(other) === nameOf(point))) return { last: describe(events) };
      return hasClosed(events) ? { last: undefined } : undefined;
    },
    { withinMs: 180_000, everyMs: 5, what: nameOf(point) },
  );
  return last;
}

/** A started activity enters the history only when it ends; until then the server tells of it as pending. */
async function hasStarted(client: Client, { activity, nth }: KillPoint, starts: Set<string>): Promise<boolean> {
  const { raw } = await client.workflow.getHandle(ROLLOUT).describe();
  for (const { activityType, activityId, state } of raw.pendingActivities ?? [])
    if (activityType?.name === activity && Number(state) === STARTED) starts.add(String(activityId));
  return starts.size >= nth;
}

/** `PENDING_ACTIVITY_STATE_STARTED`. */
const STARTED = 2;

const hasClosed = (events: Events): boolean => events.some((event) => event.workflowExecutionCompletedEventAttributes);

/** The number of the newest event and what it is. */
export function describe(events: Events): string {
  const last = events.at(-1);
  const what = Object.keys(last ?? {}).find((key) => key.endsWith('EventAttributes')) ?? 'nothing';
  return `${String(last?.eventId)} ${what.replace('EventAttributes', '')}`;
}
