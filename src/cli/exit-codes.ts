/** What a pipeline learns without reading (design.md §6). One home for the numbers and for what leads to them. */
import type { SendOutcome, Sighting } from '../client/index.js';
import type { Blocker } from '../domain/blockers.js';
import type { OutcomeKind } from '../domain/outcome.js';
import type { Instant } from '../domain/words.js';

export const EXIT = {
  /** Promoted, or the milestone reached, or done what was asked. */
  ok: 0,
  error: 1,
  rolledBack: 2,
  frozen: 3,
  refused: 4,
  /** Still running without us; or recorded, and nobody has taken it up. */
  detached: 5,
  /** Waits for a human. */
  held: 6,
} as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

const OF_OUTCOME: Record<OutcomeKind, ExitCode> = {
  promoted: EXIT.ok,
  'rolled-back': EXIT.rolledBack,
  frozen: EXIT.frozen,
  refused: EXIT.refused,
};

export const exitOfOutcome = (outcome: OutcomeKind): ExitCode => OF_OUTCOME[outcome];

/** What is waited for. `durable`: the promotion outlives a restart of everything. `end`: a person watches, so a hold is no reason to leave. */
export type Goal = 'baking' | 'durable' | 'promoted' | 'end';

export interface Waiting {
  readonly goal: Goal;
  /** By Temporal's clock. */
  readonly now: Instant;
  /** Time that people get at an inconclusive step; unknown without the plan. */
  readonly inconclusiveMs?: number;
}

/** Undefined: go on waiting. */
export function exitOfSighting(sighting: Sighting, waiting: Waiting): ExitCode | undefined {
  switch (sighting.kind) {
    case 'closed':
      return exitOfOutcome(sighting.outcome.outcome);
    case 'broken':
    case 'none':
      return EXIT.error;
    case 'silent':
    case 'unreachable':
      return undefined;
    case 'open': {
      if (waiting.goal === 'end') return undefined;
      const { phase, weightBp, blockers } = sighting.status;
      if (phase === 'frozen') return EXIT.frozen;
      if (phase === 'schema-held') return EXIT.held;
      // Above 0, and not everybody: a holdback may stay on stable through the bake.
      if (weightBp > 0 && phasesOf(waiting.goal).includes(phase)) return EXIT.ok;
      return holdsForAHuman(blockers, waiting) ? EXIT.held : undefined;
    }
  }
}

/** Phases at the last step in which a goal is reached before the end. */
function phasesOf(goal: Goal): readonly string[] {
  if (goal === 'baking') return ['baking', 'verifying', 'finalising', 'draining'];
  return goal === 'durable' ? ['draining'] : [];
}

/** A person is all that is missing: while anything else stands in the way as well, waiting may still help. */
export function holdsForAHuman(
  blockers: readonly Blocker[],
  { now, inconclusiveMs }: Pick<Waiting, 'now' | 'inconclusiveMs'>,
): boolean {
  return blockers.length > 0 && blockers.every((blocker) => onlyAHumanClears(blocker, now, inconclusiveMs));
}

function onlyAHumanClears(blocker: Blocker, now: Instant, inconclusiveMs = 0): boolean {
  switch (blocker.kind) {
    case 'paused':
    case 'awaiting-approval':
    case 'foreign-route':
      return true;
    case 'inconclusive':
      // First the step is extended, which needs nobody; the last `inconclusiveMs` belong to people.
      return now >= blocker.expires - inconclusiveMs;
    case 'soaking':
    case 'idle':
    case 'blind':
    case 'change-window-closed':
      return false;
  }
}

export function exitOfMessage(outcome: SendOutcome): ExitCode {
  switch (outcome.kind) {
    case 'accepted':
      return EXIT.ok;
    case 'refused':
    case 'closed':
      return EXIT.refused;
    case 'recorded':
      return EXIT.detached;
    case 'none':
      return EXIT.error;
  }
}
