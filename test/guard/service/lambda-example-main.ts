/** What API Gateway does for a function in payload 2.0, with the example's handler behind it. `PORT` in the environment. */
import { createServer } from 'node:http';
import type { LambdaEvent } from '../../../src/guard/adapters/lambda.js';
import type { LambdaAnswer } from '../../../src/guard/adapters/lambda-answer.js';

const { handler } = (await import(new URL('../../../examples/orders/lambda.mjs', import.meta.url).href)) as {
  handler: (event: LambdaEvent, context: object) => Promise<LambdaAnswer>;
};

createServer((request, response) => {
  const pieces: Buffer[] = [];
  request.on('data', (piece: Buffer) => pieces.push(piece));
  request.on('end', () => {
    const { pathname, search } = new URL(request.url ?? '/', 'http://service');
    const event = {
      rawPath: pathname,
      rawQueryString: search.slice(1),
      routeKey: '$default',
      requestContext: { http: { method: request.method ?? 'GET' } },
      headers: request.headers as Record<string, string>,
      body: Buffer.concat(pieces).toString(),
    };
    handler(event, {}).then(
      ({ statusCode, headers = {}, body = '' }) => response.writeHead(statusCode, headers as Record<string, string>).end(body),
      () => response.writeHead(502).end(),
    );
  });
}).listen(Number(process.env['PORT']), '127.0.0.1');
