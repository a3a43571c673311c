/**
 * Express 5, or anything else that calls `(request, response, next)` with the objects of `node:http`.
 *
 * Mount it before the body parsers, or give these `{ verify: keepRawBody }`: the fingerprint is over the raw bytes. Mounted on
 * the route itself it knows the route's pattern; mounted with `app.use`, the path stands for it unless `route` says more.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Guard } from '../guard.js';
import { beginRequest, guardedMethods, inMode, KEY_HEADER, type HttpBeginning, type HttpOptions } from '../http.js';
import { optional } from '../options.js';
import { answerOf } from '../problem.js';
import { isClaimed, markClaimed } from './claimed.js';
import { mustBeWhole, requestBytes } from './request-bytes.js';
import { holdResponse, sendOutcome, watchResponse } from './response-capture.js';

export { keepRawBody } from './request-bytes.js';

/** What Express adds to a request, as far as it is used. */
export interface ExpressRequest extends IncomingMessage {
  readonly originalUrl?: string;
  readonly baseUrl?: string;
  readonly path?: string;
  readonly route?: unknown;
}

export interface ExpressOptions<Request extends ExpressRequest> extends HttpOptions<Request> {
  readonly route?: ((request: Request) => string) | undefined;
  /** Most bytes of a body that are read for the fingerprint; 10 MiB. More is answered with 413. */
  readonly bodyLimitBytes?: number | undefined;
}

export type ExpressGuard<Request> = (request: Request, response: ServerResponse, next: () => void) => Promise<void>;

const BODY_LIMIT_BYTES = 10 * 1024 * 1024;

export function expressGuard<Request extends ExpressRequest = ExpressRequest>(
  guard: Guard,
  options: ExpressOptions<Request>,
): ExpressGuard<Request> {
  const isGuarded = guardedMethods('expressGuard', guard, options, {
    route: optional('function', 'a function that names the route'),
    bodyLimitBytes: optional('limit', 'a number of bytes above 0'),
  });
  const { route = routeOf, bodyLimitBytes = BODY_LIMIT_BYTES, streamTypes, mode } = options;

  const begin = async (request: Request, response: ServerResponse): Promise<HttpBeginning> => {
    const bytes = await requestBytes(request, bodyLimitBytes);
    const meta = {
      method: methodOf(request),
      route: route(request),
      path: request.originalUrl ?? request.url ?? '/',
      contentType: request.headers['content-type'],
      key: request.headers[KEY_HEADER] as string | undefined,
    };
    if (bytes !== undefined) return beginRequest(guard, options, meta, bytes, request);
    guard.count('body-too-large', meta.route, mode === 'observe');
    if (mode === 'observe') return { kind: 'pass' };
    // What was not read of it would be taken for the next request.
    response.shouldKeepAlive = false;
    return { kind: 'answer', outcome: answerOf({ kind: 'body-too-large', limitBytes: bodyLimitBytes }) };
  };

  return async (request, response, next) => {
    // Mounted twice, the inner one would be answered by the outer one's claim.
    if (!isGuarded(methodOf(request)) || isClaimed(request)) {
      next();
      return;
    }
    markClaimed(request);
    const beginning = await inMode(guard, mode, () => begin(request, response));
    // In `observe` too a request that broke off is an error: whoever reads it next would take it for one without a body.
    if (beginning.kind === 'pass') mustBeWhole(request);
    if (beginning.kind === 'answer') {
      sendOutcome(response, beginning.outcome);
      return;
    }
    if (beginning.kind === 'execute') {
      const { execution } = beginning;
      const capture = mode === 'observe' ? watchResponse : holdResponse;
      capture(response, { streamTypes, onEnd: (outcome) => execution.settle(outcome) });
      // The client is gone. A handler that goes on may still seal what it did, unless a successor took over; what is piped into
      // the response is cut and never comes to its end.
      const left = (): void => {
        if (response.listenerCount('unpipe') > 0) void execution.lapse();
        else execution.leave();
      };
      // It may have gone while the store was asked, and nobody would hear of it again.
      if (response.closed) left();
      else response.once('close', left);
    }
    next();
  };
}

const methodOf = ({ method = 'GET' }: IncomingMessage): string => method;

function routeOf({ baseUrl = '', path = '/', route }: ExpressRequest): string {
  const pattern = (route as { path?: unknown } | undefined)?.path;
  return `${baseUrl}${typeof pattern === 'string' ? pattern : path}`;
}
