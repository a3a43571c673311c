import type { ProbeRecipe } from '../providers/ports.js';
import type { Tools } from './dependencies.js';
import { throwIfCancelled } from './execution.js';
import { describeError } from './failures.js';
import { within } from './waiting.js';

/** What a pinned request found. An answer by anybody else says nothing about the revision that was asked (design.md §4). */
export type PinnedAnswer =
  | { readonly kind: 'answered'; readonly status: number; readonly body: string }
  | { readonly kind: 'wrong-revision'; readonly status: number; readonly answeredBy: string | undefined }
  | { readonly kind: 'unanswered'; readonly why: string };

/** Longer bodies are cut: nothing that is read here is longer. */
const BODY_LIMIT = 65_536;

/**
 * GET past the weights. Every request has a connection of its own: a kept one may still lead to a router process of before a
 * reload, with its old routes. Redirects are not followed, since the pin would be lost on the way.
 */
export async function askPinned(
  tools: Pick<Tools, 'clock' | 'fetch'>,
  recipe: ProbeRecipe,
  path: string,
  limits: { readonly deadlineMs: number; readonly signal: AbortSignal },
): Promise<PinnedAnswer> {
  try {
    return await within(
      tools.clock,
      limits.deadlineMs,
      async (signal) => {
        const response = await tools.fetch(`${recipe.url}${path}`, {
          headers: { ...recipe.headers, connection: 'close' },
          redirect: 'manual',
          signal,
        });
        const body = await readSome(response);
        const answeredBy = response.headers.get(recipe.answeredBy.header) ?? undefined;
        if (answeredBy !== recipe.answeredBy.value) return { kind: 'wrong-revision', status: response.status, answeredBy };
        return { kind: 'answered', status: response.status, body };
      },
      limits.signal,
    );
  } catch (error) {
    throwIfCancelled(limits.signal);
    return { kind: 'unanswered', why: describeError(error) };
  }
}

async function readSome(response: Response): Promise<string> {
  const decoder = new TextDecoder();
  let text = '';
  for await (const piece of (response.body ?? []) as AsyncIterable<Uint8Array>) {
    text += decoder.decode(piece, { stream: true });
    if (text.length > BODY_LIMIT) break;
  }
  return text;
}

/** Header values come from outside and go into histories: cut, and without control characters. */
const clean = (text: string): string => text.replace(/[^\x20-\x7e]/g, '?').slice(0, 80);

/** Why an answer is none, in words. */
export function describeAnswer(answer: PinnedAnswer): string {
  switch (answer.kind) {
    case 'answered':
      return `answered ${String(answer.status)}`;
    case 'wrong-revision':
      return answer.answeredBy === undefined
        ? `somebody who does not say who he is answered ${String(answer.status)}`
        : `"${clean(answer.answeredBy)}" answered ${String(answer.status)} in its place`;
    case 'unanswered':
      return `no answer: ${answer.why}`;
  }
}
