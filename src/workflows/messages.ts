/** Signals, Updates and the query. Registered before the first await, so that nobody's message is lost (I12). */
import {
  condition,
  defineQuery,
  defineSignal,
  defineUpdate,
  setDefaultSignalHandler,
  setHandler,
  uuid4,
} from '@temporalio/workflow';
import { messageOf, readBody } from '../contract/messages.js';
import { STATUS_QUERY } from '../contract/names.js';
import type { RolloutStatus } from '../contract/rollout.js';
import type { RolloutEvent } from '../domain/effects.js';
import { MESSAGE_KINDS, type Answer, type MessageKind } from '../domain/messages.js';

export interface Mailbox {
  push(event: RolloutEvent): void;
  answerTo(requestId: string): Answer | undefined;
  status(): RolloutStatus;
}

export function listen(mailbox: Mailbox): void {
  setHandler(defineQuery<RolloutStatus>(STATUS_QUERY), () => mailbox.status());
  for (const kind of MESSAGE_KINDS) {
    setHandler(defineSignal<[unknown]>(kind), (raw) => void deliver(mailbox, kind, raw));
    setHandler(defineUpdate<Answer, [unknown]>(kind), async (raw) => {
      const requestId = deliver(mailbox, kind, raw);
      await condition(() => mailbox.answerTo(requestId) !== undefined);
      return mailbox.answerTo(requestId) ?? { kind: 'refused', reason: 'no answer was kept' };
    });
  }
  setDefaultSignalHandler((name) => {
    mailbox.push({ kind: 'undecodable', name, what: 'unknown message name', requestId: uuid4(), at: Date.now() });
  });
}

function deliver(mailbox: Mailbox, kind: MessageKind, raw: unknown): string {
  const read = readBody(raw);
  const at = Date.now();
  if (read.kind === 'undecodable') {
    const requestId = uuid4();
    mailbox.push({ kind: 'undecodable', name: kind, what: read.what, requestId, at });
    return requestId;
  }
  const message = messageOf(kind, read.body, uuid4);
  mailbox.push({ kind: 'message', message, at });
  return message.requestId;
}
