import type { SchemaDifference } from './effects.js';
import type { RolloutPlan } from './plan.js';
import type { Ledger } from './state.js';
import type { GateVerdict } from './verdict.js';
import type { Actor, Instant } from './words.js';

/** Why everybody goes back to stable. */
export type Cause =
  | { readonly kind: 'gate-failed'; readonly step: number; readonly gates: readonly GateVerdict[] }
  | { readonly kind: 'aborted'; readonly by: Actor; readonly reason: string; readonly supersededBy?: string }
  | { readonly kind: 'limit'; readonly of: LimitedBlocker }
  | { readonly kind: 'lapsed'; readonly step: number; readonly forMs: number }
  | { readonly kind: 'schema'; readonly difference: SchemaDifference }
  | { readonly kind: 'probes-failed'; readonly text: string }
  | { readonly kind: 'not-warm'; readonly text: string }
  | { readonly kind: 'capacity-failed'; readonly text: string }
  | { readonly kind: 'verify-failed'; readonly text: string }
  /** Something that cannot be mended by trying again. */
  | { readonly kind: 'broken'; readonly text: string };

export type LimitedBlocker = 'approval' | 'pause' | 'inconclusive' | 'idle' | 'blind' | 'foreign-route';

export type Aftermath =
  | { readonly kind: 'cool-off'; readonly until: Instant; readonly startStep: number }
  | { readonly kind: 'freeze' }
  | { readonly kind: 'hold-for-schema'; readonly difference: SchemaDifference }
  | { readonly kind: 'end' };

/** Lapses that one rollout may have; the third ends it. */
const LAPSES_ALLOWED = 2;
/** After a longer lapse the candidate has been idle too long to go on where it stood. */
const SHORT_LAPSE_MS = 10 * 60_000;

/**
 * The table of what follows a rollback (design.md §2, A11). `ledger` already counts the failure.
 * Freezing comes first: a second failure at the same step freezes whatever else holds (I6, R10).
 */
export function whatFollows(plan: RolloutPlan, ledger: Ledger, cause: Cause, now: Instant): Aftermath {
  switch (cause.kind) {
    case 'gate-failed': {
      const failures = ledger.failures[cause.step] ?? 0;
      if (failures >= 2) return { kind: 'freeze' };
      const inTheBake = cause.step === plan.steps.length - 1;
      if (inTheBake || cause.gates.some(neverRetried)) return { kind: 'end' };
      if (failures > plan.retry.max || ledger.exposures >= plan.retry.total) return { kind: 'end' };
      return { kind: 'cool-off', until: now + plan.retry.coolOffMs, startStep: 0 };
    }
    case 'lapsed':
      if (ledger.lapses > LAPSES_ALLOWED) return { kind: 'end' };
      return { kind: 'cool-off', until: now, startStep: cause.forMs <= SHORT_LAPSE_MS ? Math.max(0, cause.step) : 0 };
    case 'schema':
      return { kind: 'hold-for-schema', difference: cause.difference };
    case 'aborted':
    case 'limit':
    case 'probes-failed':
    case 'not-warm':
    case 'capacity-failed':
    case 'verify-failed':
    case 'broken':
      return { kind: 'end' };
  }
}

const neverRetried = (gate: GateVerdict): boolean =>
  gate.verdict === 'fail' && (gate.gross || gate.reason === 'duplicate-effect');

export function describeCause(cause: Cause): string {
  switch (cause.kind) {
    case 'gate-failed':
      return (
        cause.gates
          .filter((gate) => gate.decisive && gate.verdict === 'fail')
          .map((gate) => gate.sentence)
          .join(' ') || 'a gate failed'
      );
    case 'aborted':
      return `aborted by ${cause.by.name}${cause.reason === '' ? '' : `: ${cause.reason}`}`;
    case 'limit':
      return `nobody cleared "${cause.of}" within its limit`;
    case 'lapsed':
      return 'the router stopped serving the ramp (lease lapsed or router restarted)';
    case 'schema':
      return `schema mismatch: ${cause.difference.text}`;
    default:
      return cause.text;
  }
}
