/** Answers of a Lambda function as outcomes, and back. */
import { isUtf8 } from 'node:buffer';
import type { Outcome } from '../outcome.js';

export interface LambdaAnswer {
  readonly statusCode: number;
  readonly headers?: Readonly<Record<string, boolean | number | string>> | null;
  readonly multiValueHeaders?: Readonly<Record<string, readonly (boolean | number | string)[]>> | null;
  /** Of payload 2.0. */
  readonly cookies?: readonly string[];
  readonly body?: string | null;
  readonly isBase64Encoded?: boolean;
}

/** As API Gateway reads it: an answer without a status code is the body of a 200. */
export function outcomeFrom(answer: unknown): Outcome {
  if (!isAnswer(answer)) {
    const bytes = Buffer.from(typeof answer === 'string' ? answer : ((JSON.stringify(answer) as string | undefined) ?? ''));
    return { status: 200, headers: { 'content-type': 'application/json' }, body: { kind: 'bytes', bytes } };
  }
  const { statusCode, headers, multiValueHeaders, body, isBase64Encoded = false } = answer;
  const all = [
    ...Object.entries(multiValueHeaders ?? {}).map(([name, values]) => [name, values.join(', ')] as const),
    ...Object.entries(headers ?? {}),
  ];
  return {
    status: statusCode,
    headers: Object.fromEntries(all.filter(isSaid).map(([name, value]) => [name.toLowerCase(), String(value)])),
    body: { kind: 'bytes', bytes: Buffer.from(body ?? '', isBase64Encoded ? 'base64' : 'utf8') },
  };
}

const isSaid = ([, value]: readonly [string, unknown]): boolean => value !== undefined && value !== null;

export function answerFrom({ status, headers, body }: Outcome): LambdaAnswer {
  const bytes = Buffer.from(body.kind === 'bytes' ? body.bytes : []);
  const isText = isUtf8(bytes);
  return { statusCode: status, headers, body: bytes.toString(isText ? 'utf8' : 'base64'), isBase64Encoded: !isText };
}

export const isAnswer = (answer: unknown): answer is LambdaAnswer =>
  typeof answer === 'object' && answer !== null && typeof (answer as LambdaAnswer).statusCode === 'number';
