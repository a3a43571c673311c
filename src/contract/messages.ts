/** What people send, made safe: everything optional, lengths bounded, control characters out. Works inside the workflow, so no zod. */
import type { Message, MessageKind } from '../domain/messages.js';
import type { MessageBody } from './rollout.js';

const LONGEST_NAME = 128;
const LONGEST_REASON = 1_000;

export type ReadBody =
  { readonly kind: 'read'; readonly body: MessageBody } | { readonly kind: 'undecodable'; readonly what: string };

/** A missing or null payload is an empty body: the UI's button sends none. Anything but an object is undecodable. */
export function readBody(raw: unknown): ReadBody {
  if (raw === undefined || raw === null) return { kind: 'read', body: {} };
  if (typeof raw !== 'object' || Array.isArray(raw))
    return {
      kind: 'undecodable',
      what: `expected an object with by and reason, found ${Array.isArray(raw) ? 'a list' : `a ${typeof raw}`}`,
    };
  const fields = raw as Readonly<Record<string, unknown>>;
  if (typeof fields['undecodable'] === 'string')
    return { kind: 'undecodable', what: clean(fields['undecodable'], LONGEST_REASON) };
  const body: Record<string, string> = {};
  for (const [name, longest] of [
    ['by', LONGEST_NAME],
    ['reason', LONGEST_REASON],
    ['requestId', LONGEST_NAME],
    ['supersededBy', LONGEST_NAME],
  ] as const) {
    const value = fields[name];
    if (value === undefined || value === null) continue;
    if (typeof value !== 'string') return { kind: 'undecodable', what: `expected ${name} to be text, found a ${typeof value}` };
    body[name] = clean(value, longest);
  }
  return { kind: 'read', body };
}

export function messageOf(kind: MessageKind, body: MessageBody, freshId: () => string): Message {
  return {
    kind,
    by: { name: body.by ?? 'unnamed sender', verified: false },
    reason: body.reason ?? '',
    requestId: body.requestId ?? freshId(),
    ...(body.supersededBy === undefined ? {} : { supersededBy: body.supersededBy }),
  };
}

/** Control and format characters and line separators could forge lines of a timeline, or how they read. */
function clean(text: string, longest: number): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, ' ').slice(0, longest);
}
