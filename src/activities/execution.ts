import { CancelledFailure, Context } from '@temporalio/activity';
import { isRecord } from './json.js';

/** What an activity knows about its own execution. */
export interface Execution {
  readonly attempt: number;
  /** Details of the last heartbeat of the attempt before; whoever reads them checks that they are its own. */
  readonly resumed: unknown;
  /** From the first scheduling to this attempt's, both by the server's clock: a floor for the time already spent. */
  readonly waitedMs: number;
  /** How long this attempt goes on by itself: it ends before Temporal takes it for dead and starts another beside it (I7). */
  readonly patienceMs: number;
  readonly signal: AbortSignal;
  /** Also the only way in which a cancellation reaches an activity. Does nothing in a local one. */
  heartbeat(details: unknown): void;
}

/** Of the start-to-close time-out; the rest is for the last call and for the answer's way back. */
const PATIENCE = 0.8;

export function execution(): Execution {
  const context = Context.current();
  const { info } = context;
  return {
    attempt: info.attempt,
    resumed: info.heartbeatDetails as unknown,
    waitedMs: info.attempt > 1 ? Math.max(0, info.currentAttemptScheduledTimestampMs - info.scheduledTimestampMs) : 0,
    patienceMs: PATIENCE * info.startToCloseTimeoutMs,
    signal: context.cancellationSignal,
    heartbeat: (details) => {
      if (!info.isLocal) context.heartbeat(details);
    },
  };
}

/** For activities that end with their cancellation. */
export function throwIfCancelled(signal: AbortSignal): void {
  if (signal.aborted) throw signal.reason instanceof CancelledFailure ? signal.reason : new CancelledFailure('CANCELLED');
}

/**
 * Time that attempts before this one have spent, so that a worker that dies does not start a wait over: what the last
 * heartbeat told as `elapsedMs`, and no less than what the server's clock says. Workers' clocks are never compared.
 */
export function spentBefore({ resumed, waitedMs }: Execution): number {
  const told = isRecord(resumed) && typeof resumed['elapsedMs'] === 'number' ? resumed['elapsedMs'] : 0;
  return Math.max(told, waitedMs);
}
