/**
 * The index hash of an event is stamped once, when the event first comes in. Without it a redelivery across a flip would get
 * another key, and its effect would happen twice (A2).
 */
import type { Guard } from '../guard.js';
import type { Refusal } from '../refusal.js';
import { WEBHOOK_RETAIN_MS, checkedEvent, dedupeKey, eventKey, type WebhookEvent, type WebhookOptions } from './event.js';

export type Stamp =
  | { readonly kind: 'stamped'; readonly event: WebhookEvent; readonly dedupeKey: string }
  | { readonly kind: 'refused'; readonly refusal: Refusal };

/** A stamp is a record like any other: the first ingress writes it, all others read it. Writing it twice does no harm. */
export async function stamp(guard: Guard, { name, tenant, leaseMs }: WebhookOptions, given: WebhookEvent): Promise<Stamp> {
  const event = checkedEvent(given);
  const spec = {
    scope: { tenant, method: 'STAMP', route: name, key: eventKey(event) },
    fingerprint: 'v1:stamp',
    leaseMs,
    retainMs: WEBHOOK_RETAIN_MS,
    onLost: 'reexecute',
  } as const;
  const end = await guard.run(spec, () => ({
    status: 200,
    headers: {},
    body: { kind: 'bytes', bytes: Buffer.from(event.indexHash) },
  }));
  if (end.kind === 'refused') return end;
  const { body } = end.kind === 'replayed' ? end.record : end.outcome;
  if (body.kind !== 'bytes') throw new Error('the index hash is too long to be kept');
  const stamped = { ...event, indexHash: Buffer.from(body.bytes).toString() };
  return { kind: 'stamped', event: stamped, dedupeKey: dedupeKey(stamped) };
}
