/**
 * The transactional inbox: event, order and effect are one transaction. The same event five times has one effect, also across a
 * flip and with kills in the middle; revisions 1, 3, 2 of a source end at 3, because 2 finds that it was overtaken (X21).
 */
import type { Guard } from '../guard.js';
import { storeKey } from '../keys.js';
import { checkOptions } from '../options.js';
import type { Outcome } from '../outcome.js';
import type { TransactionalStore } from '../store.js';
import { APPLIED, specOf, type DedupeEnd } from './dedupe.js';
import { WEBHOOK_WANTS, type Message, type WebhookEvent, type WebhookOptions } from './event.js';
import { stamp } from './stamp.js';

/** `overtaken`: a later revision of the source was applied before. Acknowledge it. */
export type InboxEnd = DedupeEnd | { readonly kind: 'overtaken' };

const OVERTAKEN: Outcome = { ...APPLIED };

/** Rejects with what `fn` threw, after everything was rolled back: the next delivery begins anew. */
export async function receive<Db>(
  guard: Guard<TransactionalStore<Db>>,
  options: WebhookOptions,
  given: WebhookEvent,
  fn: (db: Db, message: Message) => unknown,
): Promise<InboxEnd> {
  checkOptions<WebhookOptions>('a webhook', options, WEBHOOK_WANTS);
  const stamped = await stamp(guard, options, given);
  if (stamped.kind === 'refused') return stamped;
  const { event, dedupeKey } = stamped;
  const source = storeKey({ tenant: options.tenant, method: 'SOURCE', route: options.name, key: event.sourceId });
  const end = await guard.tx(specOf(options, dedupeKey), async (db: Db, { attempt }) => {
    if (!(await guard.store.advance(db, source, event.eventRev))) return OVERTAKEN;
    await fn(db, { ...event, dedupeKey, attempt });
    return APPLIED;
  });
  if (end.kind === 'refused') return end;
  if (end.kind === 'replayed') return { kind: 'repeated' };
  return { kind: end.outcome === OVERTAKEN ? 'overtaken' : 'applied' };
}
