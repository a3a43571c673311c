/** One connection through the recorder: hears requests, breaks them as told, forwards them, and matches the answers. */
import { connect, type Socket } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { parseRequest, takeAnswers, takeRequests, type SocketCommand } from './socket-command.js';
import type { Fault, RecordedBytes, RecordedCommand } from './socket-recorder.js';

export type Entry = { -readonly [Key in keyof RecordedCommand]: RecordedCommand[Key] };

/** What a connection tells the recorder, and asks of it. */
export interface Recording {
  readonly upstream: string;
  faultFor(command: SocketCommand): Fault | undefined;
  note(bytes: RecordedBytes): void;
  enter(entry: Entry): void;
  watch(socket: Socket): void;
}

/** Shared by all recorders of this process, so that a revocation on one socket and a write on the other are in order. */
let lastOrder = 0;

/** One connection of a worker and its counterpart to HAProxy, which is made when there is something to forward. */
export class RecordedConnection {
  readonly #recorder: Recording;
  readonly #client: Socket;
  readonly #number: number;
  #upstream: Socket | undefined;
  #fromClient = '';
  #fromRouter = '';
  /** Commands that HAProxy has and has not answered. */
  readonly #waiting: Entry[] = [];
  /** From a swallowed answer on, nothing of this connection reaches the worker. */
  #muted = false;
  /** What the worker hears instead, once HAProxy has acted. */
  #lie: string | undefined;
  #gone = false;
  /** The worker writes no more: it closed its socket, or its half. */
  #ended = false;
  /** Requests are handled one after the other, or a delayed one would be overtaken by its successor. */
  #queue: Promise<void> = Promise.resolve();

  constructor(recorder: Recording, client: Socket, number: number) {
    this.#recorder = recorder;
    this.#client = client;
    this.#number = number;
    recorder.watch(client);
    client.setEncoding('utf8');
    client.on('error', () => undefined);
    client.on('data', (text: string) => {
      this.#hear(text);
    });
    client.on('end', () => {
      this.#ended = true;
      this.#take(this.#fromClient === '' ? '' : '\n');
      this.#then(() => this.#upstream?.end());
    });
    client.on('close', () => {
      this.#gone = true;
      this.#then(() => this.#upstream?.end());
    });
  }

  #then(step: () => unknown): void {
    this.#queue = this.#queue.then(async () => {
      await step();
    });
  }

  #hear(text: string): void {
    this.#recorder.note({ at: Date.now(), connection: this.#number, direction: 'to-router', text });
    this.#take(text);
  }

  #take(text: string): void {
    const { requests, rest } = takeRequests(this.#fromClient + text);
    this.#fromClient = rest;
    for (const request of requests) {
      const entries = parseRequest(request).map((command) => this.#enter(command));
      const fault = entries.map((entry) => this.#recorder.faultFor(entry.command)).find((found) => found !== undefined);
      for (const entry of entries) entry.fault = fault?.kind;
      this.#then(() => this.#handle(request, entries, fault));
    }
  }

  #enter(command: SocketCommand): Entry {
    const unanswered = { forwardedAt: undefined, answer: undefined, answeredAt: undefined, answerOrder: undefined, heard: false };
    const where = { connection: this.#number, socket: this.#recorder.upstream };
    const entry: Entry = { at: Date.now(), order: ++lastOrder, ...where, command, fault: undefined, ...unanswered };
    this.#recorder.enter(entry);
    return entry;
  }

  async #handle(request: string, entries: readonly Entry[], fault: Fault | undefined): Promise<void> {
    switch (fault?.kind) {
      case 'refuse':
        this.#client.destroy();
        return;
      case 'delay':
        await (typeof fault.until === 'number' ? pause(fault.until) : fault.until.catch(() => undefined));
        if (this.#ended && fault.unlessGone === true) return;
        break;
      case 'never-answer':
        this.#muted = true;
        break;
      case 'answer-error':
        this.#muted = true;
        this.#lie = fault.text;
        break;
      case undefined:
        break;
    }
    this.#forward(request, entries);
  }

  #forward(request: string, entries: readonly Entry[]): void {
    const upstream = (this.#upstream ??= this.#connect());
    for (const entry of entries) entry.forwardedAt = Date.now();
    this.#waiting.push(...entries);
    upstream.write(`${request}\n`);
  }

  #connect(): Socket {
    const upstream = connect({ path: this.#recorder.upstream, allowHalfOpen: true });
    this.#recorder.watch(upstream);
    upstream.setEncoding('utf8');
    upstream.on('data', (text: string) => {
      this.#answer(text);
    });
    upstream.on('end', () => {
      upstream.end();
      if (!this.#muted) this.#client.end();
    });
    upstream.on('error', () => {
      // HAProxy is not there, or died while it was asked: the worker sees what it would have seen without us.
      if (!this.#muted) this.#client.destroy();
    });
    return upstream;
  }

  #answer(text: string): void {
    this.#recorder.note({ at: Date.now(), connection: this.#number, direction: 'from-router', text });
    const { answers, rest } = takeAnswers(this.#fromRouter + text);
    this.#fromRouter = rest;
    for (const answer of answers) {
      const entry = this.#waiting.shift();
      if (entry === undefined) break;
      Object.assign(entry, { answer, answeredAt: Date.now(), answerOrder: ++lastOrder, heard: !this.#muted && !this.#gone });
    }
    if (this.#lie !== undefined && this.#waiting.length === 0) this.#client.end(`${this.#lie}\n\n`);
    if (!this.#muted && !this.#gone) this.#client.write(text);
  }
}
