import type { Instant, Json } from './words.js';

/** A measurement with its own freshness, so that one slow source never delays another gate's verdict. */
export interface Sample<T> {
  /** Time of the newest sample, by the source's clock. */
  readonly at: Instant;
  /** How old the newest sample was when it was read, in milliseconds. Over the policy's `staleMs` the gate is blind. */
  readonly ageMs: number;
  /** Span of the readings since the step began, by the source's clock, in milliseconds. Soaks are measured with it. */
  readonly elapsedMs: number;
  readonly value: T;
}

export interface PerRevision<T> {
  readonly stable: T;
  readonly candidate: T;
}

/** Requests and bad ones among them, cumulative since the step began; user traffic only (A9). */
export interface RateCounts {
  readonly requests: number;
  /** 5xx answers and streams cut after a 200 for errors (A23); cold starts, or misses, for other signals. */
  readonly bad: number;
}

export interface ErrorCounts extends RateCounts {
  /** Streams cut after a 200; already counted in `bad`. */
  readonly cutStreams?: number;
  /** Per replica of this revision, where the source can tell them apart: learns the dispersion (judge.md §1). */
  readonly byReplica?: Readonly<Record<string, RateCounts>>;
}

/** Latency buckets: `counts` has one entry per bound and a last one for everything above; not cumulative over bounds. */
export interface LatencyHistogram {
  readonly boundsMs: readonly number[];
  readonly counts: PerRevision<readonly number[]>;
}

/** Users' requests that came back with the mark of the candidate, as the router saw them (R18). Of both revisions together. */
export interface StickinessCounts {
  readonly returns: number;
  /** Those among them that their bucket sent to stable. */
  readonly violations: number;
}

export interface DedupeCounts {
  readonly replays: number;
  /** Replays that were not answered from the record (A14). */
  readonly misses: number;
  readonly duplicateEffects: number;
}

/**
 * What the metric sources said at one tick. A signal that nobody measured, or that could not be read, is absent:
 * absent is never zero. Stale is said by the sample's age.
 */
export interface Reading {
  readonly errors?: Sample<PerRevision<ErrorCounts>>;
  readonly latency?: Sample<LatencyHistogram>;
  readonly coldStarts?: Sample<PerRevision<RateCounts>>;
  /** Age of the oldest message in seconds; an empty queue is 0 (A10). */
  readonly queueAgeS?: Sample<number>;
  readonly dedupe?: Sample<DedupeCounts>;
  /** ΔS on the candidate less ΔS on stable, one for each question and seed, signed (A5). */
  readonly drift?: Sample<readonly number[]>;
  /** 4xx schema refusals of the candidate (R27): counted by themselves, since the error gate cannot see them. */
  readonly schemaRefusals?: Sample<PerRevision<number>>;
  /** No gate: what follows is another pin, or an alarm (R18). */
  readonly stickiness?: Sample<StickinessCounts>;
  /** Custom gates by name: two-sample proportions, or one value of the candidate. */
  readonly custom?: Readonly<Record<string, Sample<PerRevision<RateCounts> | number>>>;
}

/** Where a source's cumulative counting stands (base, last counters, resets). Serialisable; travels with the evidence. */
export type Cursor = Json;
