/**
 * Schema pins for AWS Lambda: `lambdaPins(options, lambdaGuard(guard, …))`. A request that is carried to another revision is
 * carried whole: the function's own answer is not streamed either.
 */
import { buffer } from 'node:stream/consumers';
import { pinGate, type PinGate, type PinOptions, type RevisionTarget } from '../pins/admit.js';
import { carry, unreachable } from '../pins/carry.js';
import { optional } from '../options.js';
import { checkedTime } from '../spec.js';
import { mustBeUnclaimed } from './claimed.js';
import { answerFrom, isAnswer, outcomeFrom, type LambdaAnswer } from './lambda-answer.js';
import { bytesOf, headerOf, methodOf, type LambdaEvent } from './lambda.js';

export interface LambdaPinOptions extends PinOptions {
  /** Most time that a request which is carried on may take, in milliseconds; 25 s. Take less than the function's timeout. */
  readonly carryMs?: number | undefined;
}

const CARRY_MS = 25_000;

export function lambdaPins<Event extends LambdaEvent, Context>(
  options: LambdaPinOptions,
  handler: (event: Event, context: Context) => Promise<unknown>,
): (event: Event, context: Context) => Promise<unknown> {
  const { admit, stamp } = pinGate(options, { carryMs: optional('anything') });
  const { carryMs = CARRY_MS } = options;
  checkedTime('carryMs', carryMs);
  return async (event, context) => {
    mustBeUnclaimed(event);
    const admission = admit((name) => headerOf(event, name));
    switch (admission.kind) {
      case 'admitted': {
        const answer = await handler(event, context);
        const told = isAnswer(answer) ? answer : answerFrom(outcomeFrom(answer));
        return { ...told, headers: { ...told.headers, ...stamp } };
      }
      case 'elsewhere':
        return carryEvent(event, admission.target, carryMs, stamp);
      case 'refused':
        return answerFrom(admission.outcome);
    }
  };
}

async function carryEvent(
  event: LambdaEvent,
  target: RevisionTarget,
  withinMs: number,
  stamp: PinGate['stamp'],
): Promise<LambdaAnswer> {
  const headers = Object.entries(event.headers ?? {}).flatMap(([name, value]) =>
    value === undefined ? [] : [[name, value] as const],
  );
  const body = bytesOf(event);
  const onward = {
    method: methodOf(event),
    path: pathOf(event),
    headers,
    body: body.length === 0 ? null : body,
    signal: AbortSignal.timeout(withinMs),
  };
  try {
    const answer = await carry(onward, target);
    const bytes = await buffer(answer.body);
    const one = Object.entries(answer.headers).flatMap(([name, value]) =>
      typeof value === 'string' ? [[name, value] as const] : [],
    );
    const many = Object.entries(answer.headers).filter((entry): entry is [string, string[]] => Array.isArray(entry[1]));
    const told = answerFrom({ status: answer.status, headers: Object.fromEntries(one), body: { kind: 'bytes', bytes } });
    // Payload 2.0 has cookies in a list of their own, 1.0 has lists of values.
    const { 'set-cookie': cookies = [], ...others } = Object.fromEntries(many);
    return event.rawPath === undefined
      ? { ...told, multiValueHeaders: { ...others, ...(cookies.length === 0 ? {} : { 'set-cookie': cookies }) } }
      : { ...told, headers: { ...told.headers, ...joined(others) }, cookies };
  } catch (error) {
    return answerFrom(unreachable(target, error, stamp));
  }
}

const joined = (headers: Readonly<Record<string, readonly string[]>>): Record<string, string> =>
  Object.fromEntries(Object.entries(headers).map(([name, values]) => [name, values.join(', ')]));

/** As the client asked: payload 1.0 has the query taken apart. */
function pathOf({ rawPath, rawQueryString = '', path = '/', multiValueQueryStringParameters }: LambdaEvent): string {
  const taken = Object.entries(multiValueQueryStringParameters ?? {}).flatMap(([name, values]) =>
    (values ?? []).map((value): [string, string] => [name, value]),
  );
  const query = rawPath === undefined ? new URLSearchParams(taken).toString() : rawQueryString;
  return `${rawPath ?? path}${query === '' ? '' : `?${query}`}`;
}
