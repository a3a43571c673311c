import type { GateName } from './verdict.js';
import type { Actor, Instant } from './words.js';

/** Why a rollout does not advance now. Blockers never silence a gate (I4). */
export type Blocker =
  | { readonly kind: 'soaking'; readonly soakedMs: number; readonly soakMs: number }
  | { readonly kind: 'paused'; readonly by: Actor; readonly reason: string; readonly expires: Instant }
  | {
      readonly kind: 'awaiting-approval';
      readonly missing: number;
      readonly approvers: readonly string[];
      readonly expires: Instant;
    }
  | { readonly kind: 'inconclusive'; readonly gates: readonly GateName[]; readonly expires: Instant }
  | { readonly kind: 'idle'; readonly since: Instant; readonly expires: Instant }
  | {
      readonly kind: 'blind';
      readonly gates: readonly GateName[];
      readonly since: Instant;
      readonly expires: Instant;
      /** What the metric sources had against it, in a sentence. */
      readonly why?: string;
    }
  | { readonly kind: 'change-window-closed'; readonly opens: Instant }
  | { readonly kind: 'foreign-route'; readonly owner: string; readonly expires: Instant };
