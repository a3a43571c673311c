/**
 * One request to a slot and its answer back, byte by byte as they come, in both directions at the pace of the slower side.
 * Never tried twice: a request that reached the slot may have had its effect, and what fails must be seen to fail.
 */
import { errors, type Dispatcher } from 'undici';
import { bodyOf } from '../../http/request-body.js';
import type { Answer } from './answer.js';
import type { OutgoingHeaders } from './headers.js';
import type { SlotServer } from './slot-server.js';

export interface ExchangeParts {
  readonly server: SlotServer;
  readonly toSlot: string[];
  /** On the edge's own answers. */
  readonly ours: OutgoingHeaders;
  readonly toClient: (fromSlot: Readonly<Record<string, string | string[] | undefined>>) => OutgoingHeaders;
}

export class Exchange implements Dispatcher.DispatchHandler {
  #controller: Dispatcher.DispatchController | undefined;
  #hasBody = false;

  constructor(
    private readonly answer: Answer,
    private readonly parts: ExchangeParts,
  ) {}

  /** Sends the request. Whatever happens, `answer` comes to its end. */
  begin(): void {
    const { request, response } = this.answer;
    response.once('close', () => {
      if (!response.writableFinished) this.#controller?.abort(new Error('the client left'));
    });
    try {
      this.parts.server.pool.dispatch(
        {
          path: pathOf(request.url),
          method: request.method ?? 'GET',
          headers: this.parts.toSlot,
          body: bodyOf(this.answer.request),
        },
        this,
      );
    } catch (error) {
      // The client's request cannot be said again: a path or header that HTTP does not allow.
      this.#problem(400, 'Bad Request', messageOf(error), 'PR--');
    }
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    this.parts.server.connected();
    if (this.answer.isOver) controller.abort(new Error('the client left'));
  }

  onResponseStart(
    _: Dispatcher.DispatchController,
    status: number,
    headers: Readonly<Record<string, string | string[] | undefined>>,
    reason?: string,
  ): void {
    if (status < 200 || this.answer.isOver) return;
    this.answer.head(status, reason, this.parts.toClient(headers));
    // The head alone, when no body has come with it: a stream may be long in giving its first event.
    process.nextTick(() => {
      if (!this.#hasBody && !this.answer.isOver) this.answer.response.flushHeaders();
    });
  }

  onResponseData(controller: Dispatcher.DispatchController, piece: Buffer): void {
    this.#hasBody = true;
    const { response } = this.answer;
    if (this.answer.isOver || response.write(piece)) return;
    controller.pause();
    response.once('drain', () => {
      controller.resume();
    });
  }

  onResponseEnd(): void {
    this.#hasBody = true;
    this.answer.response.end();
  }

  onResponseError(_: Dispatcher.DispatchController, error: Error): void {
    if (this.answer.isOver) return;
    const isSilence = error instanceof errors.HeadersTimeoutError || error instanceof errors.BodyTimeoutError;
    if (this.answer.response.headersSent) this.answer.cut(isSilence ? 'sD--' : 'SD--');
    else if (this.#controller === undefined) this.#notConnected(error);
    else if (isSilence) this.#problem(504, 'Gateway Timeout', 'the slot did not answer in time', 'sH--');
    else this.#problem(502, 'Bad Gateway', 'the slot closed the connection before its answer', 'SH--');
  }

  #notConnected(error: Error): void {
    this.parts.server.connectFailed(error.message);
    const isSilence = error instanceof errors.ConnectTimeoutError;
    this.#problem(503, 'Service Unavailable', 'the slot accepts no connection', isSilence ? 'sC--' : 'SC--');
  }

  #problem(status: number, title: string, detail: string, termination: Parameters<Answer['problem']>[3]): void {
    this.answer.problem(status, title, detail, termination, this.parts.ours);
  }
}

/** A proxy's request line may name the whole address. */
function pathOf(url = '/'): string {
  return url.startsWith('/') || url === '*' ? url : url.replace(/^[a-z]+:\/\/[^/?]*/i, '').replace(/^(?!\/)/, '/');
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
