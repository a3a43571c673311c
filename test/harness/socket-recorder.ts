/**
 * Stands between a worker and one of HAProxy's sockets, writes down every byte with its time, and can break single
 * commands in the ways that a network and a dying peer do. The referee reads from it what the controller really did.
 *
 * The recorder is one clock for both directions, and the clock of HAProxy's log is the same machine's: a request logged at
 * a later millisecond than an answer recorded here was routed after HAProxy had answered.
 */
import { createServer, type Server, type Socket } from 'node:net';
import { rmSync } from 'node:fs';
import { RecordedConnection, type Entry, type Recording } from './recorded-connection.js';
import type { SocketCommand } from './socket-command.js';

export interface RecordedBytes {
  readonly at: number;
  readonly connection: number;
  readonly direction: 'to-router' | 'from-router';
  readonly text: string;
}

export interface RecordedCommand {
  /** When the worker's bytes arrived here, milliseconds since the epoch. */
  readonly at: number;
  /** Position among all commands and answers of all recorders of this process: decides within one millisecond. */
  readonly order: number;
  readonly connection: number;
  readonly socket: string;
  readonly command: SocketCommand;
  readonly fault: Fault['kind'] | undefined;
  /** When HAProxy got it; undefined if it never did. */
  readonly forwardedAt: number | undefined;
  /** What HAProxy said, whether or not the worker was let to hear it: the truth of the data plane. Empty is success. */
  readonly answer: string | undefined;
  readonly answeredAt: number | undefined;
  readonly answerOrder: number | undefined;
  /** Whether the worker got HAProxy's answer. */
  readonly heard: boolean;
}

export type Fault =
  /**
   * HAProxy gets the command only after so many milliseconds, or when the promise settles. By default even when the worker
   * has closed its socket by then, because written bytes cannot be called back; `unlessGone` drops them instead. A socket
   * that is closed and one that is half-closed look the same from here, so `unlessGone` drops the latter as well.
   */
  | { readonly kind: 'delay'; readonly until: number | Promise<unknown>; readonly unlessGone?: boolean }
  /** HAProxy acts, and the worker hears nothing: it must treat the outcome as unknown. */
  | { readonly kind: 'never-answer' }
  /** HAProxy acts, and the worker hears this text instead of the answer. */
  | { readonly kind: 'answer-error'; readonly text: string }
  /** The connection breaks before HAProxy gets anything. */
  | { readonly kind: 'refuse' };

/** Decides about one command; the first rule that gives a fault wins. */
export type FaultRule = (command: SocketCommand) => Fault | undefined;

export class SocketRecorder {
  readonly bytes: RecordedBytes[] = [];
  readonly #commands: Entry[] = [];
  readonly #rules = new Set<FaultRule>();
  readonly #sockets = new Set<Socket>();
  readonly #server: Server;
  #connections = 0;

  private constructor(
    /** The socket for the worker. */
    readonly path: string,
    /** HAProxy's. */
    readonly upstream: string,
  ) {
    const recording: Recording = {
      upstream,
      faultFor: (command) => this.#faultFor(command),
      note: (bytes) => void this.bytes.push(bytes),
      enter: (entry) => void this.#commands.push(entry),
      watch: (socket) => {
        this.#watch(socket);
      },
    };
    this.#server = createServer({ allowHalfOpen: true }, (client) => {
      new RecordedConnection(recording, client, ++this.#connections);
    });
  }

  /** Listens at `path`; HAProxy's socket need not exist yet. */
  static async open(path: string, upstream: string): Promise<SocketRecorder> {
    rmSync(path, { force: true });
    const recorder = new SocketRecorder(path, upstream);
    await new Promise<void>((resolve, reject) => {
      recorder.#server.once('error', reject);
      recorder.#server.listen(path, resolve);
    });
    return recorder;
  }

  /** Every command so far, in the order of arrival. A copy: what is answered later does not change it. */
  commands(): RecordedCommand[] {
    return this.#commands.map((entry) => ({ ...entry }));
  }

  /** Applies the rule to commands that arrive from now on, until the returned function is called. */
  inject(rule: FaultRule): () => void {
    this.#rules.add(rule);
    return () => {
      this.#rules.delete(rule);
    };
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise<void>((resolve) => {
      this.#server.close(() => {
        resolve();
      });
    });
  }

  #faultFor(command: SocketCommand): Fault | undefined {
    for (const rule of this.#rules) {
      const fault = rule(command);
      if (fault !== undefined) return fault;
    }
    return undefined;
  }

  #watch(socket: Socket): void {
    this.#sockets.add(socket);
    socket.once('close', () => this.#sockets.delete(socket));
  }
}
