import { TICKS_TO_CHANGE, type Condition, type Cursors, type Supervise } from '../../domain/effects.js';
import type { Evidence, Judgement } from '../../domain/verdict.js';
import type { Judge } from '../dependencies.js';
import { isRecord } from '../json.js';
import type { Streak } from './condition.js';
import type { RouteSeen } from './route-watch.js';

/** All that a bucket remembers between ticks. It stands in the heartbeat, so that another worker goes on from the same tick. */
export interface Progress {
  /** Whose details these are: a heartbeat of another bucket is not resumed from. */
  readonly bucket: string;
  /** Monotonic time spent by all attempts so far: workers' clocks are never compared. */
  readonly elapsedMs: number;
  readonly evidence: Evidence;
  readonly cursors: Cursors;
  readonly judgement?: Judgement;
  readonly streak: Streak;
  readonly route: RouteSeen;
  /** Schema refusals of the candidate at the last tick. */
  readonly refusals: number;
}

const bucketName = ({ ramp, step, bucket }: Supervise): string => `${ramp.id}/${String(step)}/${String(bucket)}`;

/** Where the attempt before stopped, else where the bucket before stopped, else the step's beginning. */
export function startingPoint(supervise: Supervise, judge: Judge, resumed: unknown): Progress {
  const bucket = bucketName(supervise);
  if (isProgress(resumed) && resumed.bucket === bucket) return resumed;
  const { from, policy, known } = supervise;
  return {
    bucket,
    elapsedMs: 0,
    ...(from.kind === 'continue'
      ? { evidence: from.evidence, cursors: from.cursors }
      : { evidence: judge.openEvidence(policy, from.previous), cursors: {} }),
    streak: { condition: known, ticks: 0 },
    route: {},
    refusals: 0,
  };
}

const isProgress = (details: unknown): details is Progress => isRecord(details) && 'bucket' in details && 'evidence' in details;

/**
 * A pass needs nothing more. Otherwise a condition is settled once it has held for three ticks, and until then the known one stands;
 * but nobody is blind who saw at the last tick, for a bucket ends with the limit, and the release would be rolled back for it.
 */
export function settledCondition({ streak, judgement }: Progress, known: Condition['kind']): Condition['kind'] {
  if (judgement?.verdict === 'pass' && streak.condition === 'judging') return 'judging';
  if (known === 'blind' && streak.ticks > 0) return streak.condition;
  return streak.ticks >= TICKS_TO_CHANGE ? streak.condition : known;
}
