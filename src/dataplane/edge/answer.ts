/** One answer to a client, from routing to its end, whoever gives it: what the log needs to know, and who ended it. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Termination } from './access-line.js';
import { mediaType, type OutgoingHeaders } from './headers.js';

export interface AnswerEnd {
  readonly status: number;
  readonly totalMs: number;
  readonly firstByteMs: number;
  readonly termination: Termination;
  readonly bytes: number;
  readonly contentType: string;
}

export class Answer {
  /** True once nothing more can be sent. */
  isOver = false;
  readonly #begun = performance.now();
  readonly #socket: IncomingMessage['socket'];
  readonly #bytesBefore: number;
  #sentAt = this.#begun;
  #headAt: number | undefined;
  #contentType = '';
  #verdict: Termination | undefined;

  /** `cutting` says whether the edge itself is closing connections. */
  constructor(
    readonly request: IncomingMessage,
    readonly response: ServerResponse,
    private readonly cutting: () => boolean,
  ) {
    this.#socket = request.socket;
    this.#bytesBefore = request.socket.bytesWritten;
    request.once('end', () => {
      if (this.#headAt === undefined) this.#sentAt = performance.now();
    });
  }

  /** Each `then` is called once, when the answer is complete or its connection gone. */
  whenOver(then: (end: AnswerEnd) => void): void {
    this.response.once('close', () => {
      this.isOver = true;
      then(this.#end());
    });
  }

  /** The slot's head; the body follows through `response`. */
  head(status: number, reason: string | undefined, headers: OutgoingHeaders): void {
    this.#headAt = performance.now();
    this.#contentType = mediaType(headers['content-type']);
    if (reason === undefined || reason === '') this.response.writeHead(status, headers);
    else this.response.writeHead(status, reason, headers);
  }

  /** The edge's own answer instead of a slot's. */
  problem(status: number, title: string, detail: string, termination: Termination, headers: OutgoingHeaders): void {
    this.#verdict = termination;
    this.#contentType = 'application/problem+json';
    this.response.writeHead(status, { ...headers, 'content-type': this.#contentType, 'cache-control': 'no-store' });
    this.response.end(JSON.stringify({ type: 'about:blank', title, status, detail }));
  }

  /** Ends the connection in the middle of the body, so that the client sees the cut (X26). */
  cut(termination: Termination): void {
    this.#verdict = termination;
    this.response.destroy();
  }

  #end(): AnswerEnd {
    const { response } = this;
    const hasHead = response.headersSent;
    return {
      // A client that left before the head: 400, as HAProxy logs it, although nothing was sent.
      status: hasHead ? response.statusCode : 400,
      totalMs: Math.round(performance.now() - this.#begun),
      firstByteMs: this.#headAt === undefined ? -1 : Math.max(0, Math.round(this.#headAt - this.#sentAt)),
      termination: this.#verdict ?? this.#whoLeft(hasHead),
      bytes: this.#socket.bytesWritten - this.#bytesBefore,
      contentType: this.#contentType,
    };
  }

  #whoLeft(hasHead: boolean): Termination {
    if (this.response.writableFinished) return '----';
    if (this.cutting()) return hasHead ? 'KD--' : 'KH--';
    return hasHead ? 'CD--' : 'CH--';
  }
}
