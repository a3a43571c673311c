/**
 * A workflow's history as `temporal workflow show -o json` prints it, with payloads decoded. What the payloads mean is not
 * known here: the product may change their shape, and only `test/referee/reported.ts` reads them.
 */
export interface HistoryEvent {
  readonly id: number;
  /** Milliseconds since the epoch, by the Temporal server's clock. */
  readonly at: number;
  /** Without the prefix: `ACTIVITY_TASK_COMPLETED`. */
  readonly type: string;
  /** The attributes of the event, whatever their key was; payloads in them are as printed. */
  readonly attributes: Readonly<Record<string, unknown>>;
}

export interface WorkflowHistory {
  readonly events: readonly HistoryEvent[];
  /** The run that this one continues as new. */
  readonly continues: string | undefined;
  /** What was printed, for a replay. */
  readonly raw: unknown;
}

/** Reads the CLI's JSON; throws if it is no history. */
export function readHistory(raw: unknown): WorkflowHistory {
  const printed = asRecord(raw)['events'];
  if (!Array.isArray(printed)) throw new Error('expected {"events": […]} as `temporal workflow show -o json` prints it');
  const events = printed.map(readEvent);
  const continues = events[0]?.attributes['continuedExecutionRunId'];
  return { events, continues: typeof continues === 'string' && continues !== '' ? continues : undefined, raw };
}

/**
 * Decodes `{payloads: [{metadata, data}]}` to the values. A payload that is no JSON (another encoding, broken bytes) is the
 * string that was printed: it must not stop the referee from reading the rest.
 */
export function decodePayloads(printed: unknown): unknown[] {
  const payloads = Array.isArray(printed) ? (printed as unknown[]) : asRecord(printed)['payloads'];
  return Array.isArray(payloads) ? payloads.map(decodePayload) : [];
}

export function asRecord(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}

function readEvent(printed: unknown): HistoryEvent {
  const event = asRecord(printed);
  const key = Object.keys(event).find((name) => name.endsWith('EventAttributes'));
  return {
    id: Number(event['eventId']),
    at: Date.parse(String(event['eventTime'])),
    type: String(event['eventType']).replace(/^EVENT_TYPE_/, ''),
    attributes: key === undefined ? {} : asRecord(event[key]),
  };
}

/** The CLI can also print payloads already decoded ("shorthand"); those have no metadata and are taken as they are. */
function decodePayload(printed: unknown): unknown {
  const payload = asRecord(printed);
  if (payload['metadata'] === undefined) return printed;
  if (typeof payload['data'] !== 'string') return undefined;
  const text = Buffer.from(payload['data'], 'base64').toString('utf8');
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text;
  }
}
