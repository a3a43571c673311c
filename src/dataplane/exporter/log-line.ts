/**
 * One line of HAProxy's access log → a request. Checked by hand and not by a schema: this runs for every request of every
 * user, and a line is written by our own configuration (deploy/haproxy), so that each check is one comparison.
 */

/** Why the router chose the slot. `pin` is authorised and synthetic (A9, A15); `relpin` is a stream that came back (A17). */
type RouteReason = 'pin' | 'no-lease' | 'no-candidate' | 'relpin' | 'bucket' | 'draw' | 'candidate-down';

export interface LoggedRequest {
  /** When it was routed, in milliseconds since the epoch; 0 where the line does not say. */
  readonly at: number;
  /** Ramp and sequence of the route that decided; empty where the line does not say. */
  readonly generation: string;
  readonly service: string;
  /** Undefined: the router answered by itself, before it chose a slot. */
  readonly slot: string | undefined;
  readonly role: 'stable' | 'candidate' | undefined;
  readonly why: RouteReason | undefined;
  /** Empty where the router does not know what runs in the slot. */
  readonly release: string;
  /** -1 where no answer was sent. */
  readonly status: number;
  /** From the request's first byte to the answer's last, in milliseconds. */
  readonly totalMs: number;
  /** From the request's last byte at the slot to the answer's head, in milliseconds; -1 where it never came. */
  readonly firstByteMs: number;
  /** HAProxy's termination state; two characters matter: who ended it, and in which phase. */
  readonly termination: string;
  readonly contentType: string;
  /** Of HAProxy's worker process. */
  readonly pid: number;
  /** Of a user whom the candidate had answered before: kept there, or sent to stable. Undefined: of nobody known. */
  readonly stick: 'kept' | 'broken' | undefined;
}

export type ParsedLine =
  | { readonly kind: 'request'; readonly request: LoggedRequest }
  /** Health and start-up messages share the socket. */
  | { readonly kind: 'not-json' }
  /** Bytes on the port that never became a request: nobody's, and no revision's. */
  | { readonly kind: 'no-request' }
  | { readonly kind: 'invalid' };

/** Longer than any line that HAProxy sends (`log … len`). */
const LONGEST_LINE = 8_192;
const NAME = /^[A-Za-z0-9_.-]{1,64}$/;
const REASONS: ReadonlySet<string> = new Set<RouteReason>([
  'pin',
  'no-lease',
  'no-candidate',
  'relpin',
  'bucket',
  'draw',
  'candidate-down',
]);

export function parseLogLine(line: string): ParsedLine {
  const text = line.trim();
  if (!text.startsWith('{')) return { kind: 'not-json' };
  const fields = text.length > LONGEST_LINE ? undefined : fieldsOf(text);
  if (fields?.['svc'] === '-') return { kind: 'no-request' };
  const request = fields === undefined ? undefined : requestOf(fields);
  return request === undefined ? { kind: 'invalid' } : { kind: 'request', request };
}

/** Undefined as soon as one field is not what the log format writes: half a line is no evidence. */
function requestOf(fields: Readonly<Record<string, unknown>>): LoggedRequest | undefined {
  const { svc, st, Ta, Tr, ts, pid } = fields;
  const slot = said(fields['slot']);
  const role = said(fields['role']);
  const why = said(fields['why']);
  const release = said(fields['release']) ?? '';
  const stick = said(fields['stick']);
  if (typeof svc !== 'string' || !NAME.test(svc)) return undefined;
  if (slot !== undefined && !NAME.test(slot)) return undefined;
  if (role !== undefined && role !== 'stable' && role !== 'candidate') return undefined;
  if (why !== undefined && !isReason(why)) return undefined;
  if (release.length > 128) return undefined;
  if (stick !== undefined && stick !== 'kept' && stick !== 'broken') return undefined;
  if (!isWhole(st, -1, 999) || !isWhole(Ta, -1, MAX_MS) || !isWhole(Tr, -1, MAX_MS) || !isWhole(pid, 0, MAX_MS)) return undefined;
  if (typeof ts !== 'string' || ts.length < 2 || ts.length > 4) return undefined;
  return {
    at: Number.isFinite(fields['at']) ? (fields['at'] as number) : 0,
    generation: said(fields['gen']) ?? '',
    service: svc,
    slot,
    role,
    why,
    release,
    status: st,
    totalMs: Ta,
    firstByteMs: Tr,
    termination: ts,
    contentType: said(fields['ct']) ?? '',
    pid,
    stick,
  };
}

const MAX_MS = 2 ** 40;
const UNSAID: ReadonlySet<string> = new Set(['', '-', 'unknown']);

function fieldsOf(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    return JSON.parse(text) as Readonly<Record<string, unknown>>;
  } catch {
    return undefined;
  }
}

/** HAProxy writes `-` for a variable that was never set, and our configuration `unknown` for a release that nobody told it. */
function said(value: unknown): string | undefined {
  return typeof value === 'string' && !UNSAID.has(value) ? value : undefined;
}

function isReason(text: string): text is RouteReason {
  return REASONS.has(text);
}

function isWhole(value: unknown, least: number, most: number): value is number {
  return Number.isInteger(value) && (value as number) >= least && (value as number) <= most;
}
