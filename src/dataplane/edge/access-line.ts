/** The access log: one JSON line per finished response, with the keys and values of HAProxy's (deploy/haproxy). */
import { createSocket } from 'node:dgram';

/** A value that is missing reads `-`. */
export interface AccessLine {
  /** When the request was routed, milliseconds since the epoch. */
  readonly at: number;
  readonly svc: string;
  readonly slot: string;
  readonly role: string;
  readonly why: string;
  readonly gen: string;
  readonly lease: string;
  readonly release: string;
  readonly st: number;
  /** Milliseconds from routing to the end of the answer. */
  readonly Ta: number;
  /** Milliseconds from the request's end to the answer's head; -1 if it never came. */
  readonly Tr: number;
  readonly ts: Termination;
  /** To the client, heads included. */
  readonly bytes: number;
  /** Media type; empty where the answer has none. */
  readonly ct: string;
  readonly pid: number;
  /** Of a user whom the candidate has answered in this ramp before (R18): `kept` on it, or `broken`: sent to stable. */
  readonly stick: 'kept' | 'broken' | '-';
}

/**
 * Who ended it and in which phase, as HAProxy says it: complete; the slot died within the answer or before it, or was silent
 * for too long; no connection, or not in time; the client left; answered by the edge itself; not a request; cut by an operator.
 */
export type Termination =
  '----' | 'SD--' | 'SH--' | 'sD--' | 'sH--' | 'SC--' | 'sC--' | 'CD--' | 'CH--' | 'LR--' | 'PR--' | 'KD--' | 'KH--';

/** Where lines go: one datagram a line, as from HAProxy, or a function. */
export type AccessLog = { readonly host?: string; readonly port: number } | ((line: string) => void);

export interface LineSink {
  write(line: AccessLine): void;
  /** Returns when what was written has left. */
  close(): Promise<void>;
}

export function openLog(log: AccessLog | undefined, onError: (error: Error) => void): LineSink {
  if (log === undefined) return { write: () => undefined, close: () => Promise.resolve() };
  if (typeof log === 'function') {
    return {
      write: (line) => {
        log(inOrder(line));
      },
      close: () => Promise.resolve(),
    };
  }
  const socket = createSocket('udp4');
  socket.on('error', onError);
  socket.unref();
  let underWay = 0;
  let isEmpty: () => void = () => undefined;
  return {
    write: (line) => {
      underWay++;
      socket.send(inOrder(line), log.port, log.host ?? '127.0.0.1', (error) => {
        if (error !== null) onError(error);
        if (--underWay === 0) isEmpty();
      });
    },
    close: async () => {
      if (underWay > 0) await new Promise<void>((resolve) => (isEmpty = resolve));
      await new Promise<void>((resolve) => socket.close(resolve));
    },
  };
}

/** The order is part of what readers were told. */
function inOrder(line: AccessLine): string {
  const { at, svc, slot, role, why, gen, lease, release, st, Ta, Tr, ts, bytes, ct, pid, stick } = line;
  return JSON.stringify({ at, svc, slot, role, why, gen, lease, release, st, Ta, Tr, ts, bytes, ct, pid, stick });
}
