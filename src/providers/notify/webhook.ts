/**
 * Notices to any HTTP receiver, signed as Standard Webhooks describes (webhook-id, webhook-timestamp, webhook-signature), so
 * that libraries for it can check them. The id is the same for every try of a notice: receivers drop what they have seen.
 *
 *     webhook-id: …   webhook-timestamp: <seconds>   webhook-signature: v1,<base64 of HMAC-SHA256(id.timestamp.body)>
 *     {"type": "sluice.notice", "timestamp": "…Z", "data": {"rollout", "severity", "title", "text"}}
 */
import { createHmac } from 'node:crypto';
import { callHttp } from '../json-http.js';
import type { Notifier } from '../ports.js';

export interface WebhookOptions {
  readonly url: string;
  /** Signs the body; `whsec_<base64>` is decoded, anything else is taken as it is. Absent: not signed. */
  readonly hmacSecret?: string | undefined;
  /** Of one request; 5 s unless told. */
  readonly timeoutMs?: number | undefined;
}

export interface WebhookDependencies {
  readonly fetch?: typeof globalThis.fetch;
  /** Milliseconds since the epoch: receivers refuse old timestamps. */
  readonly now?: () => number;
}

export function webhookNotifier(
  { url, hmacSecret, timeoutMs = 5_000 }: WebhookOptions,
  { fetch = globalThis.fetch, now = Date.now }: WebhookDependencies = {},
): Notifier {
  const { origin, pathname } = new URL(url);
  return {
    async send({ title, text, severity, rollout }, deduplicationId) {
      const at = now();
      const id = printable(deduplicationId);
      const timestamp = String(Math.floor(at / 1_000));
      const body = JSON.stringify({
        type: 'sluice.notice',
        timestamp: new Date(at).toISOString(),
        data: { rollout, severity, title, text },
      });
      const signature = hmacSecret === undefined ? {} : { 'webhook-signature': sign(hmacSecret, id, timestamp, body) };
      const headers = { 'webhook-id': id, 'webhook-timestamp': timestamp, ...signature };
      await callHttp({ method: 'POST', url, name: `webhook ${origin}${pathname}`, headers, body, timeoutMs, fetch });
    },
  };
}

export function sign(secret: string, id: string, timestamp: string, body: string): string {
  const key = secret.startsWith('whsec_') ? Buffer.from(secret.slice('whsec_'.length), 'base64') : Buffer.from(secret, 'utf8');
  return `v1,${createHmac('sha256', key).update(`${id}.${timestamp}.${body}`).digest('base64')}`;
}

/** A header takes no line breaks, and the id is part of what is signed. */
const printable = (id: string): string => id.replace(/[^\x21-\x7e]/g, '_').slice(0, 256);
