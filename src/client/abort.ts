import { WorkflowNotFoundError } from '@temporalio/client';
import { setTimeout as pause } from 'node:timers/promises';
import { EVERYBODY, type Target } from '../domain/words.js';
import { inputOf } from './history.js';
import { closedOrNone, signal, type SendOptions, type SendOutcome, type SentBody } from './send.js';
import { statusOf, type StatusOutcome } from './status.js';
import type { Temporal } from './temporal.js';
import { seeWorkers, type WorkersSeen } from './workers.js';

const CONFIRMED_MS = 15_000;
const LOOK_EVERY_MS = 100;

/**
 * The Signal goes first and nothing goes before it: it is durable, and it is what the users wait for. Then we look until the
 * router has confirmed 0 %, or say what brings the users back where nobody works (design.md §2).
 */
export async function abortRollout(
  temporal: Temporal,
  target: Target,
  body: SentBody,
  { withinMs = CONFIRMED_MS }: SendOptions = {},
): Promise<SendOutcome> {
  try {
    await signal(temporal, 'abort', target, body);
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return closedOrNone(temporal, target);
    throw error;
  }
  const workers = await seeWorkers(temporal);
  const patienceMs = workers.workflows.length === 0 ? 0 : withinMs;
  const last = await confirmation(temporal, target, patienceMs);
  if ('confirmed' in last) return last.confirmed;
  const who = workers.workflows.length === 0 ? 'no worker is polling' : `not confirmed within ${withinMs / 1_000} s`;
  return { kind: 'recorded', text: `recorded; ${who}; ${await whatBringsUsersBack(temporal, last.seen, workers)}` };
}

type Confirmation = { readonly confirmed: SendOutcome } | { readonly seen: StatusOutcome };

async function confirmation(temporal: Temporal, target: Target, patienceMs: number): Promise<Confirmation> {
  const until = Date.now() + patienceMs;
  for (;;) {
    const seen = await statusOf(temporal, target, { withinMs: Math.max(500, Math.min(5_000, until - Date.now())) });
    const confirmed = confirmedBy(seen);
    if (confirmed !== undefined) return { confirmed };
    if (Date.now() >= until) return { seen };
    await pause(LOOK_EVERY_MS);
  }
}

/** Undefined while the abort is still under way. */
export function confirmedBy(seen: StatusOutcome): SendOutcome | undefined {
  switch (seen.kind) {
    case 'closed':
      return seen.outcome.outcome === 'promoted'
        ? tooLate(seen.outcome.headline)
        : { kind: 'accepted', text: seen.outcome.headline };
    case 'open': {
      const { phase, weightBp, headline } = seen.status;
      // The phases that only a confirmed weight leads to: until then a rollback is "rolling-back".
      if (phase !== 'draining' && phase !== 'closed') return undefined;
      return weightBp === EVERYBODY ? tooLate(headline) : { kind: 'accepted', text: headline };
    }
    case 'broken':
      return { kind: 'closed', reason: `the rollout has ended: ${seen.text}`, outcome: undefined };
    case 'none':
    case 'silent':
      return undefined;
  }
}

const tooLate = (headline: string): SendOutcome => ({
  kind: 'refused',
  reason: `the promotion is durable already: ${headline}; "sluice rollback" brings the previous revision back`,
});

/** An upper bound: who renewed last did so at some time before now. */
async function whatBringsUsersBack(temporal: Temporal, seen: StatusOutcome, workers: WorkersSeen): Promise<string> {
  if (seen.kind === 'none') return 'the rollout is gone';
  const input = await inputOf(temporal, seen.execution);
  if (input === undefined) return 'users return to stable by lease';
  const { leaseMs, bucketMs } = input.plan;
  return `users return to stable by lease in at most ${withinSeconds(leaseMs, bucketMs, workers)} s, where the router holds leases`;
}

/** Somebody who still supervises renews until its bucket ends. */
function withinSeconds(leaseMs: number, bucketMs: number, workers: WorkersSeen): number {
  return Math.ceil((workers.long.length === 0 ? leaseMs : leaseMs + bucketMs) / 1_000);
}
