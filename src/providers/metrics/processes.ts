/**
 * Whether the process behind an address is the one of the last look. Behind a balancer each look meets another replica, whose
 * counters have a past of their own: their steps are garbage. A restart looks alike but for one thing: a process that began
 * again cannot have begun before the look at its predecessor.
 */
import type { Instant } from '../../domain/words.js';
import type { ProcessSeen } from './cursor.js';

export interface Answering {
  /** By its own clock. */
  readonly at: Instant;
  /** `process_start_time_seconds` in milliseconds; undefined where it does not say. */
  readonly startedAt: Instant | undefined;
}

export type Continuity =
  { readonly kind: 'same' } | { readonly kind: 'began-again' } | { readonly kind: 'another'; readonly why: string };

/** Some clients compute their start from now and their uptime, in whole seconds. */
const SAME_START_MS = 1_500;
/** Between the start that a process states and the clock that its answers are dated with. */
const CLOCK_SLACK_MS = 2_000;
/** Looks of one step in which counters may fall without a stated restart. */
const MOST_FALLS = 2;

export function continuity(before: ProcessSeen | undefined, now: Answering, began: Instant): Continuity {
  if (before === undefined) {
    return now.startedAt !== undefined && now.startedAt >= began - CLOCK_SLACK_MS
      ? { kind: 'same' }
      : another('it was not read when the step began, so that its counters have no base');
  }
  if (before.startedAt === undefined || now.startedAt === undefined) {
    return before.startedAt === now.startedAt ? { kind: 'same' } : another('now it states when it began, now it does not');
  }
  if (Math.abs(now.startedAt - before.startedAt) <= SAME_START_MS) return { kind: 'same' };
  if (now.startedAt >= before.at - CLOCK_SLACK_MS) return { kind: 'began-again' };
  return another(
    `a process begun at ${iso(now.startedAt)} answered, which already ran when one begun at ${iso(before.startedAt)} did`,
  );
}

/** What the cursor keeps of a process. Its first statement of when it began stands, so that one that jitters cannot creep. */
export function seen(before: ProcessSeen | undefined, { at, startedAt }: Answering, fell: boolean): ProcessSeen {
  const same =
    before?.startedAt !== undefined && startedAt !== undefined && Math.abs(startedAt - before.startedAt) <= SAME_START_MS;
  const stated = same ? before.startedAt : startedAt;
  return { at, falls: (before?.falls ?? 0) + (fell ? 1 : 0), ...(stated === undefined ? {} : { startedAt: stated }) };
}

/**
 * Counters that fall again and again without a restart are those of several processes (replicas of one deployment may state
 * the same start, or none), or of one that does not live. A few falls are forgiven: some exporters drop idle series.
 */
export function suspicion(name: string, process: ProcessSeen | undefined): string | undefined {
  if (process === undefined || process.falls <= MOST_FALLS) return undefined;
  return `${name}: its counters fell in ${String(process.falls)} reads of one step, and it did not state a restart`;
}

const another = (why: string): Continuity => ({ kind: 'another', why });

const iso = (instant: Instant): string => new Date(instant).toISOString();
