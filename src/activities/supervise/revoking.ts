import type { Ramp, Target } from '../../domain/words.js';
import type { TrafficRouter } from '../../providers/ports.js';
import type { Clock, Log } from '../dependencies.js';
import type { Execution } from '../execution.js';
import { describeError } from '../failures.js';
import { quickBackoff, within } from '../waiting.js';

/** One revoke is one call; a router that has not answered by then is asked again. */
const DEADLINE_MS = 2_000;

export interface Revoking {
  readonly router: TrafficRouter;
  readonly target: Target;
  readonly ramp: Ramp;
  readonly clock: Clock;
  readonly logger: Log;
  readonly run: Pick<Execution, 'signal'>;
  /** After each try: heartbeats, so that nobody takes the activity for dead. */
  readonly tried: () => void;
}

/**
 * Tries until the router has revoked the ramp, whatever kind of error it gives: a failed gate has no other way out, and nobody
 * renews meanwhile, so the lease is running out. When the activity is cancelled it tries once more and leaves the rest to the
 * rollback, which begins with a revocation of its own.
 */
export async function revokeUntilItHolds({
  router,
  target,
  ramp,
  clock,
  logger,
  run,
  tried,
}: Revoking): Promise<'revoked' | 'left-to-the-rollback'> {
  const backoff = quickBackoff();
  for (;;) {
    const last = run.signal.aborted;
    try {
      await within(clock, DEADLINE_MS, () => router.revoke(target, ramp));
      return 'revoked';
    } catch (error) {
      logger.error({ ramp: ramp.id, error: describeError(error) }, 'the router did not take the revocation; trying again');
    }
    tried();
    if (last) return 'left-to-the-rollback';
    await clock.sleep(backoff.next().value, run.signal);
  }
}
