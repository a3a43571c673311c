/** Any handler from `Request` to `Response`: `const fetch = fetchService(service, app.fetch)`. */
import { responseOf, type FetchHandler } from '../adapters/fetch.js';
import type { Service } from './service.js';
import type { Visit } from './visit.js';

export function fetchService<Rest extends readonly unknown[]>(
  service: Service,
  handler: FetchHandler<Rest>,
): (request: Request, ...rest: Rest) => Promise<Response> {
  return async (request, ...rest) => {
    const endpoint = service.answer(request.method, new URL(request.url).pathname);
    if (endpoint !== undefined) return named(responseOf(await endpoint), service);
    const visit = service.visit(request.headers.get('x-route-why') ?? undefined);
    let response: Response;
    try {
      const refusal = await service.refuse(request.method);
      response = refusal === undefined ? await handler(request, ...rest) : responseOf(refusal);
    } catch (error) {
      visit.head(500, undefined);
      visit.end('whole');
      throw error;
    }
    visit.head(response.status, response.headers.get('content-type') ?? undefined);
    // Nobody reads the body of an answer to HEAD.
    if (response.body === null || request.method === 'HEAD') {
      visit.end('whole');
      return named(response, service);
    }
    return named(response, service, watched(response.body, visit));
  };
}

/** Headers of an answer may be immutable, so that it is made anew. */
function named({ status, statusText, headers, body }: Response, service: Service, watchedBody = body): Response {
  const all = new Headers({ ...service.headers, ...Object.fromEntries(headers) });
  for (const cookie of headers.getSetCookie().slice(1)) all.append('set-cookie', cookie);
  return new Response(watchedBody, { status, statusText, headers: all });
}

function watched(body: ReadableStream<Uint8Array>, visit: Visit): ReadableStream<Uint8Array> {
  const reader = body.getReader();
  return new ReadableStream({
    async pull(controller) {
      try {
        const { done, value } = await reader.read();
        if (!done) {
          controller.enqueue(value);
          return;
        }
        visit.end('whole');
        controller.close();
      } catch (error) {
        visit.end('cut');
        controller.error(error);
      }
    },
    cancel(reason) {
      visit.end('left');
      return reader.cancel(reason);
    },
  });
}
