/**
 * The one place where provider errors become Temporal failures. Transient ones are retried by the activity's retry policy,
 * permanent ones are not; a cancellation passes through, or Temporal would take it for a failure. The cause is not
 * carried on: its message and stack are nobody's promise, and a history is for ever.
 */
import { ApplicationFailure, CancelledFailure } from '@temporalio/activity';
import { ProviderError } from '../providers/errors.js';
import { withLogFields } from './log-fields.js';

const FAILURE_TYPES = { transient: 'Transient', permanent: 'Permanent', unexpected: 'Unexpected' } as const;

export type Permanence =
  | 'as-said'
  /** Even what its provider calls permanent is tried again: giving up would leave users where they are (I5). */
  | 'always-retry';

function toFailure(error: unknown, redact: (text: string) => string, permanence: Permanence = 'as-said'): Error {
  if (error instanceof CancelledFailure || error instanceof ApplicationFailure) return error;
  if (error instanceof ProviderError) {
    const type = FAILURE_TYPES[error.kind];
    return ApplicationFailure.create({
      message: redact(error.message),
      type,
      nonRetryable: error.kind === 'permanent' && permanence === 'as-said',
    });
  }
  return ApplicationFailure.create({
    message: redact(describeError(error)),
    type: FAILURE_TYPES.unexpected,
    nonRetryable: false,
  });
}

/** An error in words; the deepest cause of a `fetch` says more than "fetch failed". */
export function describeError(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error && error.cause.message !== '' ? `${error.message}: ${error.cause.message}` : error.message;
}

/** Wraps an activity so that only Temporal failures leave it, and its log lines say whose they are. */
export function guarded<Input extends unknown[], Output>(
  activity: (...input: Input) => Promise<Output>,
  redact: (text: string) => string,
  permanence?: Permanence,
): (...input: Input) => Promise<Output> {
  return async (...input) => {
    try {
      return await withLogFields(input[0], () => activity(...input));
    } catch (error) {
      throw toFailure(error, redact, permanence);
    }
  };
}
