/**
 * Any handler from `Request` to `Response`: Hono, Deno, Bun, Workers, or a framework's route. What more a handler is given is
 * passed on: `app.post('/orders', (c) => orders(c.req.raw, c))` with `const orders = fetchGuard(guard, options, (request, c) => …)`.
 */
import type { Execution } from '../execution.js';
import type { Guard } from '../guard.js';
import { beginRequest, guardedMethods, inMode, isStream, KEY_HEADER, type HttpBeginning, type HttpOptions } from '../http.js';
import type { Body, Outcome } from '../outcome.js';
import { checkValue, needed, optional } from '../options.js';
import { answerOf, REPLAYED_HEADER } from '../problem.js';
import { NothingDone } from '../refusal.js';
import { BodyRecorder } from './body-recorder.js';
import { isClaimed, markClaimed, markUnclaimed } from './claimed.js';

export interface FetchOptions extends HttpOptions<Request> {
  /** The route's pattern; the path unless told. */
  readonly route?: ((request: Request) => string) | undefined;
}

export type FetchHandler<Rest extends readonly unknown[]> = (request: Request, ...rest: Rest) => Response | Promise<Response>;

export function fetchGuard<Rest extends readonly unknown[]>(
  guard: Guard,
  options: FetchOptions,
  handler: FetchHandler<Rest>,
): (request: Request, ...rest: Rest) => Promise<Response> {
  checkValue('the handler of fetchGuard', handler, needed('function'));
  const isGuarded = guardedMethods('fetchGuard', guard, options, {
    route: optional('function', 'a function that names the route'),
  });

  const begin = async (request: Request): Promise<HttpBeginning> => {
    const { pathname, search } = new URL(request.url);
    const meta = {
      method: request.method,
      route: options.route?.(request) ?? pathname,
      path: `${pathname}${search}`,
      contentType: request.headers.get('content-type') ?? undefined,
      key: request.headers.get(KEY_HEADER) ?? undefined,
    };
    const bytes = new Uint8Array(await request.clone().arrayBuffer());
    return beginRequest(guard, options, meta, bytes, request);
  };

  return async (request, ...rest) => {
    if (!isGuarded(request.method)) return handler(request, ...rest);
    // The inner one's refusal would be kept as the answer to this key.
    if (isClaimed(request))
      throw new TypeError('this request is under a claim already: guard it once, and give every call a Request of its own');
    const beginning = await inMode(guard, options.mode, () => begin(request));
    if (beginning.kind === 'pass') return handler(request, ...rest);
    if (beginning.kind === 'answer') return responseOf(beginning.outcome);
    const { execution } = beginning;
    markClaimed(request);
    try {
      return await sealed(await handler(request, ...rest), execution, options);
    } catch (error) {
      await execution.abandon(error instanceof NothingDone ? 'none' : 'unknown');
      throw error;
    } finally {
      markUnclaimed(request);
    }
  };
}

/** The response with its end held back until the record is sealed; one that fits a record is held back whole. Rejects if it broke. */
async function sealed(response: Response, execution: Execution, { streamTypes, mode }: FetchOptions): Promise<Response> {
  const headers = new Headers(response.headers);
  if (mode !== 'observe') headers.delete(REPLAYED_HEADER);
  const settle = (body: Body): ReturnType<Execution['settle']> =>
    execution.settle({ status: response.status, headers: Object.fromEntries(headers), body });
  const { status, statusText, body } = response;
  const recorder = new BodyRecorder();
  if (body === null) {
    const settled = await settle(recorder.body());
    return settled.kind === 'send' ? new Response(null, { status, statusText, headers }) : responseOf(answerOf(settled.refusal));
  }
  const reader = body.getReader() as ReadableStreamDefaultReader<Uint8Array>;
  const first: Uint8Array[] = [];
  const streams = isStream(headers.get('content-type') ?? undefined, streamTypes);
  for (let isOver = streams || mode === 'observe'; !isOver; isOver = recorder.isTooLarge) {
    const { done, value } = await reader.read();
    if (done) {
      const settled = await settle(recorder.body());
      if (settled.kind === 'refuse') return responseOf(answerOf(settled.refusal));
      return new Response(Buffer.concat(first), { status, statusText, headers });
    }
    recorder.add(value);
    first.push(value);
  }
  const end = (): ReturnType<Execution['settle']> => settle(streams ? { kind: 'streamed' } : recorder.body());
  return new Response(passing(first, reader, recorder, execution, end), { status, statusText, headers });
}

function passing(
  first: Uint8Array[],
  reader: ReadableStreamDefaultReader<Uint8Array>,
  recorder: BodyRecorder,
  execution: Execution,
  end: () => ReturnType<Execution['settle']>,
): ReadableStream<Uint8Array> {
  let isCancelled = false;
  return new ReadableStream({
    async pull(controller) {
      const ready = first.shift();
      if (ready !== undefined) {
        controller.enqueue(ready);
        return;
      }
      try {
        const { done, value } = await reader.read();
        // To a cancelled reader the source looks as if it had ended.
        if (isCancelled) return;
        if (!done) {
          recorder.add(value);
          controller.enqueue(value);
        } else if ((await end()).kind === 'send') {
          controller.close();
        } else {
          // What went out cannot be taken back, but it must not look whole.
          controller.error(new Error('the record could not be sealed'));
        }
      } catch (error) {
        await execution.abandon('unknown');
        controller.error(error);
      }
    },
    async cancel(reason) {
      isCancelled = true;
      await Promise.all([execution.lapse(), reader.cancel(reason)]);
    },
  });
}

export function responseOf({ status, headers, body }: Outcome): Response {
  const bytes = body.kind === 'bytes' && body.bytes.byteLength > 0 ? Buffer.from(body.bytes) : null;
  return new Response(bytes, { status, headers });
}
