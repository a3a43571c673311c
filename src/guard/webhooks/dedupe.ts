/** Webhooks on any store: one effect an event. Where the effect lives in PostgreSQL, `receive` promises more. */
import { semanticFingerprint } from '../fingerprint.js';
import type { Guard } from '../guard.js';
import { checkOptions, oneOf } from '../options.js';
import type { Refusal } from '../refusal.js';
import type { RunSpec } from '../spec.js';
import { WEBHOOK_RETAIN_MS, WEBHOOK_WANTS, type Message, type WebhookEvent, type WebhookOptions } from './event.js';
import { stamp } from './stamp.js';

export type DedupeEnd =
  | { readonly kind: 'applied' }
  /** This very event had its effect before. Acknowledge it. */
  | { readonly kind: 'repeated' }
  | { readonly kind: 'refused'; readonly refusal: Refusal };

/** Rejects with what `fn` threw; the event's outcome is then unknown, as with `guard.run`. */
export async function dedupe(
  guard: Guard,
  options: WebhookOptions & Pick<RunSpec, 'onLost'>,
  given: WebhookEvent,
  fn: (message: Message) => unknown,
): Promise<DedupeEnd> {
  checkOptions<typeof options>('dedupe', options, { ...WEBHOOK_WANTS, onLost: oneOf('reject', 'reexecute') });
  const stamped = await stamp(guard, options, given);
  if (stamped.kind === 'refused') return stamped;
  const { event, dedupeKey } = stamped;
  const end = await guard.run({ ...specOf(options, dedupeKey), onLost: options.onLost }, async ({ attempt }) => {
    await fn({ ...event, dedupeKey, attempt });
    return APPLIED;
  });
  if (end.kind === 'refused') return end;
  return { kind: end.kind === 'replayed' ? 'repeated' : 'applied' };
}

/** What a redelivery looks like on the wire does not matter: the key says what the event is. */
export function specOf({ name, tenant, leaseMs }: WebhookOptions, dedupeKey: string): RunSpec {
  return {
    scope: { tenant, method: 'EVENT', route: name, key: dedupeKey },
    fingerprint: semanticFingerprint({ method: 'EVENT', path: name }, dedupeKey),
    leaseMs,
    retainMs: WEBHOOK_RETAIN_MS,
  };
}

export const APPLIED = { status: 200, headers: {}, body: { kind: 'bytes', bytes: new Uint8Array() } } as const;
