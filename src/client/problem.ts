import {
  isGrpcServiceError,
  NamespaceNotFoundError,
  WorkflowExecutionAlreadyStartedError,
  WorkflowFailedError,
  WorkflowNotFoundError,
  WorkflowUpdateFailedError,
  WorkflowUpdateRPCTimeoutOrCancelledError,
} from '@temporalio/client';

/** gRPC's numbers. The package that names them is no dependency of ours. */
export const GRPC = {
  cancelled: 1,
  invalidArgument: 3,
  deadlineExceeded: 4,
  permissionDenied: 7,
  resourceExhausted: 8,
  unimplemented: 12,
  unavailable: 14,
  unauthenticated: 16,
} as const;

/**
 * What keeps the client from an answer: Temporal is not there, refuses the caller, or lacks something. The message is one
 * line that says what was found and what to do. What a caller can foresee is an outcome, never one of these.
 */
export class TemporalProblem extends Error {
  override readonly name = 'TemporalProblem';

  constructor(
    readonly kind: 'unreachable' | 'refused' | 'unexpected',
    message: string,
    cause?: unknown,
  ) {
    super(oneLine(message), { cause });
  }
}

export interface Place {
  readonly address: string;
  readonly namespace: string;
}

/** Errors that are answers: whoever asked knows what they mean. */
const ANSWERS = [
  WorkflowNotFoundError,
  WorkflowExecutionAlreadyStartedError,
  WorkflowFailedError,
  WorkflowUpdateFailedError,
  WorkflowUpdateRPCTimeoutOrCancelledError,
] as const;

/** Every error of the SDK in our words; answers stay what they are. */
export function translate(error: unknown, place: Place): Error {
  if (error instanceof TemporalProblem || (error instanceof Error && ANSWERS.some((answer) => error instanceof answer)))
    return error;
  if (error instanceof NamespaceNotFoundError) {
    return new TemporalProblem(
      'refused',
      `Temporal at ${place.address} has no namespace "${place.namespace}"; set --namespace or TEMPORAL_NAMESPACE, or create it with "temporal operator namespace create -n ${place.namespace}"`,
      error,
    );
  }
  const code = grpcCode(error);
  const details = detailsOf(error);
  switch (code) {
    case GRPC.unavailable:
    case GRPC.deadlineExceeded:
      return unreachable(place, details, error);
    case GRPC.unauthenticated:
    case GRPC.permissionDenied:
      return new TemporalProblem(
        'refused',
        `Temporal at ${place.address} refused the caller (${details}); check the API key or the client certificate`,
        error,
      );
    case GRPC.resourceExhausted:
      return new TemporalProblem(
        'refused',
        `Temporal at ${place.address} is over its limits (${details}); try again in a minute`,
        error,
      );
    case GRPC.invalidArgument:
      if (/search attribute/i.test(details)) {
        return new TemporalProblem(
          'refused',
          `namespace "${place.namespace}" at ${place.address} lacks Sluice's search attributes (${details}); start a worker, which registers them: "sluice worker"`,
          error,
        );
      }
      break;
    default:
  }
  return new TemporalProblem('unexpected', `Temporal at ${place.address} answered: ${details}`, error);
}

export function unreachable({ address }: Place, details: string, cause?: unknown): TemporalProblem {
  return new TemporalProblem(
    'unreachable',
    `no Temporal server answers at ${address} (${details}); start one with "sluice dev", or set --address or TEMPORAL_ADDRESS`,
    cause,
  );
}

/** The gRPC status of an error or of its cause; undefined where none is involved. */
export function grpcCode(error: unknown): number | undefined {
  if (isGrpcServiceError(error)) return error.code;
  return error instanceof Error && isGrpcServiceError(error.cause) ? error.cause.code : undefined;
}

function detailsOf(error: unknown): string {
  const cause = error instanceof Error && isGrpcServiceError(error.cause) ? error.cause : error;
  if (isGrpcServiceError(cause) && cause.details !== '') return oneLine(cause.details);
  return cause instanceof Error ? oneLine(cause.message) : 'no reason given';
}

/** Whatever it was, on one line of bounded length. */
export function oneLine(text: string): string {
  const line = text.replace(/\s+/g, ' ').trim();
  return line.length <= 1_000 ? line : `${line.slice(0, 1_000)}…`;
}
