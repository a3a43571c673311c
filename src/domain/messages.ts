import type { Actor } from './words.js';

export const MESSAGE_KINDS = ['approve', 'pause', 'resume', 'abort', 'retry', 'skip', 'promote', 'acknowledge'] as const;

/** `skip`: to the next step now. `promote`: to 100 % now, then a normal bake. `acknowledge`: stop the reminders, keep the hold. */
export type MessageKind = (typeof MESSAGE_KINDS)[number];

/** What a person or a pipeline tells a rollout. The same `requestId` gets the same answer and is applied once (I12). */
export interface Message {
  readonly kind: MessageKind;
  readonly by: Actor;
  readonly reason: string;
  readonly requestId: string;
  /** Of an abort: the release whose rollout waits for this one to close. */
  readonly supersededBy?: string;
}

export type Answer = { readonly kind: 'accepted'; readonly text: string } | { readonly kind: 'refused'; readonly reason: string };
