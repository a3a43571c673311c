/**
 * Express 5, and whatever else calls with the objects of `node:http`. Mount it first: what is mounted before it is not counted.
 */
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { headerText, onHead } from '../adapters/node-writes.js';
import { sendOutcome } from '../adapters/response-capture.js';
import type { Outcome } from '../outcome.js';
import type { Service } from './service.js';

export type ServiceMiddleware = (request: IncomingMessage, response: ServerResponse, next: () => void) => void;

export function expressService(service: Service): ServiceMiddleware {
  return (request, response, next) => {
    if (answered(service, request, response)) return;
    const { method = 'GET' } = request;
    const visit = service.visit(headerText(request.headers['x-route-why']));
    onHead(response, (head) => {
      for (const [name, value] of Object.entries(service.headers)) if (!response.hasHeader(name)) response.setHeader(name, value);
      if (mustClose(service, request)) response.setHeader('connection', 'close');
      const contentType = headerText(head['content-type'] ?? response.getHeader('content-type'));
      return (status) => {
        visit.head(status, contentType);
      };
    });
    const isCut = watchDestroy(response);
    response.once('close', () => {
      visit.end(response.writableFinished ? 'whole' : isCut() ? 'cut' : 'left');
    });
    if (!service.closesTo(method)) next();
    else
      void service.refuse(method).then((refusal) => {
        if (refusal === undefined) next();
        else sendOutcome(response, refusal);
      });
  };
}

/** The endpoints alone, for a port of their own: there they answer until the last stream has ended. */
export function serviceEndpoints(service: Service): RequestListener {
  return (request, response) => {
    if (answered(service, request, response, 'apart')) return;
    response.writeHead(404, { 'content-type': 'text/plain' }).end('not found');
  };
}

/** Whether the request was one to an endpoint, and is answered. */
export function answered(
  service: Service,
  request: IncomingMessage,
  response: ServerResponse,
  where: 'beside-users' | 'apart' = 'beside-users',
): boolean {
  const [path = '/'] = (request.url ?? '/').split('?');
  const answer = service.answer(request.method ?? 'GET', path, where);
  if (answer === undefined) return false;
  const send = ({ headers, ...rest }: Outcome): void => {
    const closing = mustClose(service, request) ? { connection: 'close' } : {};
    sendOutcome(response, { ...rest, headers: { ...headers, ...service.headers, ...closing } });
  };
  void answer.then(send, (error: unknown) => response.destroy(error instanceof Error ? error : new Error(String(error))));
  return true;
}

/** Idle connections are closed soon; who goes on using one must know. HTTP/2 has no such header. */
const mustClose = ({ draining }: Service, { httpVersionMajor }: IncomingMessage): boolean =>
  draining.aborted && httpVersionMajor === 1;

/** Whether the service broke the answer off. A client that leaves has closed the connection before anybody destroys the response. */
function watchDestroy(response: ServerResponse): () => boolean {
  const destroy = response.destroy.bind(response);
  let isCut = false;
  response.destroy = (error) => {
    isCut ||= response.socket?.destroyed === false;
    return destroy(error);
  };
  return () => isCut;
}
