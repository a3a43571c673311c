import type { Revision } from './words.js';
import type { TimelineEntry } from './timeline.js';
import type { GateName } from './verdict.js';

export type OutcomeKind = 'promoted' | 'rolled-back' | 'frozen' | 'refused';

/** The result of the workflow: what the router says at the end (I11), and why. Never a failed workflow for a foreseeable end. */
export interface Outcome {
  readonly outcome: OutcomeKind;
  /** The first line of everything that shows the rollout. */
  readonly headline: string;
  readonly service: string;
  readonly environment: string;
  readonly release: string;
  /** Who serves everybody now; undefined where preflight refused before it knew. */
  readonly serving: Revision | undefined;
  /** Who served everybody before, kept warm for a while (A26); only after a promotion. */
  readonly previous?: Revision;
  readonly cause: string;
  readonly findings: readonly string[];
  readonly profile: string;
  readonly rehearsal: boolean;
  readonly gatesInForce: readonly GateName[];
  readonly gatesNotJudged: readonly GateName[];
  readonly timeline: readonly TimelineEntry[];
}
