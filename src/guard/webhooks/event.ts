/** What a webhook says, and the one name under which its effect happens once (R22, A2, X21). */
import { createHash } from 'node:crypto';
import { kindOf, needed, optional, type Wants } from '../options.js';

export interface WebhookEvent {
  /** Of what changed at the source, not of the delivery. */
  readonly sourceId: string;
  /** Grows with every change of that source: a whole number from 0. */
  readonly eventRev: number;
  /** INDEX_HASH of the revision that received this delivery. */
  readonly indexHash: string;
}

/** An event as it reaches its handler. */
export interface Message extends WebhookEvent {
  /** Stamped when the event first came in; a redelivery after a flip keeps it. */
  readonly indexHash: string;
  readonly dedupeKey: string;
  readonly attempt: number;
}

export interface WebhookOptions {
  /** Of the endpoint or the sender: events of different ones share no key. */
  readonly name: string;
  readonly tenant: string;
  readonly leaseMs?: number | undefined;
}

/** Looked at once by whoever takes them. */
export const WEBHOOK_WANTS: Wants<WebhookOptions> = {
  name: needed('text', 'the name of the endpoint or the sender'),
  tenant: needed('text', 'the name of whoever was authenticated'),
  leaseMs: optional('anything'),
};

/** Redeliveries come for days: A13. */
export const WEBHOOK_RETAIN_MS = 14 * 24 * 3_600_000;

/** The sha256 of a JSON array, which keeps the fields apart: `ab`, `c` is not `a`, `bc`. 64 hexadecimal digits. */
export function dedupeKey({ sourceId, eventRev, indexHash }: WebhookEvent): string {
  return sha256([sourceId, eventRev, indexHash]);
}

/** The event itself, whoever received it. */
export const eventKey = ({ sourceId, eventRev }: WebhookEvent): string => sha256([sourceId, eventRev]);

/** Throws `TypeError` for what no sender means. */
export function checkedEvent(event: WebhookEvent): WebhookEvent {
  const { sourceId, eventRev, indexHash } = event;
  if (sourceId === '' || indexHash === '') throw new TypeError('an event needs a sourceId and an indexHash');
  if (!Number.isSafeInteger(eventRev) || eventRev < 0)
    throw new TypeError(`eventRev is ${kindOf(eventRev)}, it must be a whole number from 0`);
  return event;
}

const sha256 = (fields: readonly (string | number)[]): string =>
  createHash('sha256').update(JSON.stringify(fields)).digest('hex');
