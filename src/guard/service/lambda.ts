/**
 * AWS Lambda. What it cannot do: nobody can scrape an environment, so `report` hands out what each invocation counted; there is no
 * SIGTERM to drain on, and an environment is frozen between invocations; the four checks run in whichever environment is asked.
 */
import { answerFrom, isAnswer } from '../adapters/lambda-answer.js';
import { headerOf, methodOf, type LambdaEvent } from '../adapters/lambda.js';
import type { Service } from './service.js';

/** One invocation, flat, for a line of a log that a metric filter reads. */
export interface InvocationReport {
  readonly releaseId: string;
  readonly revision: string;
  readonly status: number;
  readonly coldStart: boolean;
  readonly durationMs: number;
}

export interface LambdaServiceOptions {
  /** Awaited before the answer goes out: afterwards the environment may be frozen. A throw is ignored. */
  readonly report?: ((report: InvocationReport) => Promise<void> | void) | undefined;
}

/** An answer of payload 2.0 that is not an object with a `statusCode` has no headers, and says nothing of the release. */
export function lambdaService<Event extends LambdaEvent, Context>(
  service: Service,
  handler: (event: Event, context: Context) => Promise<unknown>,
  { report = () => undefined }: LambdaServiceOptions = {},
): (event: Event, context: Context) => Promise<unknown> {
  return async (event, context) => {
    const method = methodOf(event);
    const endpoint = service.answer(method, event.rawPath ?? event.path ?? '/');
    if (endpoint !== undefined) return named(answerFrom(await endpoint), service);
    const begun = performance.now();
    const { coldStart } = service.identity();
    const visit = service.visit(headerOf(event, 'x-route-why'));
    const end = async (status: number): Promise<void> => {
      visit.head(status, undefined);
      visit.end('whole');
      const { releaseId, revision } = service.identity();
      const invocation = { releaseId, revision, status, coldStart, durationMs: performance.now() - begun };
      await Promise.resolve(invocation)
        .then(report)
        .catch(() => undefined);
    };
    try {
      const refusal = await service.refuse(method);
      const answer = refusal === undefined ? await handler(event, context) : answerFrom(refusal);
      await end(isAnswer(answer) ? answer.statusCode : 200);
      return named(answer, service);
    } catch (error) {
      await end(500);
      throw error;
    }
  };
}

function named(answer: unknown, { headers }: Service): unknown {
  if (!isAnswer(answer)) return answer;
  const said = Object.keys({ ...answer.headers, ...answer.multiValueHeaders }).map((name) => name.toLowerCase());
  const ours = Object.entries(headers).filter(([name]) => !said.includes(name));
  return { ...answer, headers: { ...Object.fromEntries(ours), ...answer.headers } };
}
