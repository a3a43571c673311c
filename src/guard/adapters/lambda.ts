/**
 * A handler of AWS Lambda behind API Gateway (payload 1.0 and 2.0), a function URL or a load balancer. The lease is the
 * guard's own: it needs nothing of the invocation's context, and a function that is frozen or killed blocks its key for the
 * lease only. Take `leaseMs` above the function's timeout, so that no successor runs beside it.
 */
import type { Guard } from '../guard.js';
import { beginRequest, guardedMethods, inMode, KEY_HEADER, type HttpBeginning, type HttpOptions } from '../http.js';
import type { Outcome } from '../outcome.js';
import { checkValue, needed, optional } from '../options.js';
import { answerOf, REPLAYED_HEADER } from '../problem.js';
import { NothingDone } from '../refusal.js';
import { markClaimed, markUnclaimed } from './claimed.js';
import { answerFrom, isAnswer, outcomeFrom } from './lambda-answer.js';

/** What is read of an event, of either payload format. */
export interface LambdaEvent {
  readonly headers?: Readonly<Record<string, string | undefined>> | null;
  readonly body?: string | null;
  readonly isBase64Encoded?: boolean;
  /** 2.0 */
  readonly rawPath?: string;
  readonly rawQueryString?: string;
  readonly routeKey?: string;
  readonly requestContext?: unknown;
  /** 1.0 */
  readonly httpMethod?: string;
  readonly path?: string;
  readonly resource?: string;
  readonly multiValueQueryStringParameters?: Readonly<Record<string, readonly string[] | undefined>> | null;
}

export interface LambdaOptions<Event extends LambdaEvent> extends HttpOptions<Event> {
  readonly route?: ((event: Event) => string) | undefined;
}

/** `handler` answers with a response object, or as payload 2.0 allows with anything that is JSON. */
export function lambdaGuard<Event extends LambdaEvent, Context>(
  guard: Guard,
  options: LambdaOptions<Event>,
  handler: (event: Event, context: Context) => Promise<unknown>,
): (event: Event, context: Context) => Promise<unknown> {
  checkValue('the handler of lambdaGuard', handler, needed('function'));
  const isGuarded = guardedMethods('lambdaGuard', guard, options, {
    route: optional('function', 'a function that names the route'),
  });

  const begin = (event: Event): Promise<HttpBeginning> => {
    const path = event.rawPath ?? event.path ?? '/';
    const meta = {
      method: methodOf(event),
      route: options.route?.(event) ?? event.resource ?? (event.routeKey === '$default' ? undefined : event.routeKey) ?? path,
      path: `${path}?${event.rawQueryString ?? JSON.stringify(event.multiValueQueryStringParameters ?? null)}`,
      contentType: headerOf(event, 'content-type'),
      key: headerOf(event, KEY_HEADER),
    };
    return beginRequest(guard, options, meta, bytesOf(event), event);
  };

  return async (event, context) => {
    if (!isGuarded(methodOf(event))) return handler(event, context);
    const beginning = await inMode(guard, options.mode, () => begin(event));
    if (beginning.kind === 'pass') return handler(event, context);
    if (beginning.kind === 'answer') return answerFrom(beginning.outcome);
    const { execution } = beginning;
    markClaimed(event);
    let answer: unknown;
    let outcome: Outcome;
    try {
      answer = await handler(event, context);
      outcome = outcomeFrom(answer);
    } catch (error) {
      await execution.abandon(error instanceof NothingDone ? 'none' : 'unknown');
      throw error;
    } finally {
      markUnclaimed(event);
    }
    const settled = await execution.settle(outcome);
    if (settled.kind === 'refuse') return answerFrom(answerOf(settled.refusal));
    return options.mode === 'observe' ? answer : withoutReplayed(answer);
  };
}

const withoutName = (named: object, unwanted: string): object =>
  Object.fromEntries(Object.entries(named).filter(([name]) => name.toLowerCase() !== unwanted));

/** Only the guard says that an answer is an earlier one's. */
function withoutReplayed(answer: unknown): unknown {
  if (!isAnswer(answer)) return answer;
  const clean = (name: string, named: object | null | undefined): object =>
    named === null || named === undefined ? {} : { [name]: withoutName(named, REPLAYED_HEADER) };
  return { ...answer, ...clean('headers', answer.headers), ...clean('multiValueHeaders', answer.multiValueHeaders) };
}

export const methodOf = ({ httpMethod, requestContext }: LambdaEvent): string =>
  httpMethod ?? (requestContext as { readonly http?: { readonly method?: string } } | undefined)?.http?.method ?? 'GET';

export const headerOf = ({ headers }: LambdaEvent, wanted: string): string | undefined =>
  Object.entries(headers ?? {}).find(([name]) => name.toLowerCase() === wanted)?.[1];

export const bytesOf = ({ body, isBase64Encoded }: LambdaEvent): Buffer =>
  Buffer.from(body ?? '', isBase64Encoded === true ? 'base64' : 'utf8');
