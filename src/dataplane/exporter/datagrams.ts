/** The UDP socket that HAProxy's log goes to, and what the kernel threw away before we read it. */
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';

export interface Datagrams {
  readonly address: { readonly host: string; readonly port: number };
  /** What the kernel granted, in bytes. */
  readonly receiveBufferBytes: number;
  /** Datagrams that arrived while the buffer was full; undefined where the system does not say (anywhere but Linux). */
  lost(): number | undefined;
  close(): Promise<void>;
}

/** A burst of some 10,000 lines; `net.core.rmem_max` may grant less. */
const RECEIVE_BUFFER_BYTES = 8 * 1024 * 1024;

/** Port 0 takes a free one. Errors of the bound socket go to `onError`; the socket stays open. */
export async function receiveDatagrams(
  host: string,
  port: number,
  onLine: (line: string) => void,
  onError: (error: Error) => void,
): Promise<Datagrams> {
  const socket = createSocket({ type: 'udp4', recvBufferSize: RECEIVE_BUFFER_BYTES });
  socket.on('message', (message) => {
    for (const line of message.toString('utf8').split('\n')) if (line !== '') onLine(line);
  });
  socket.bind(port, host);
  await once(socket, 'listening');
  socket.on('error', onError);
  const { address, port: bound } = socket.address();
  return {
    address: { host: address, port: bound },
    receiveBufferBytes: socket.getRecvBufferSize(),
    lost: () => droppedAt(address, bound),
    close: () => closed(socket),
  };
}

async function closed(socket: Socket): Promise<void> {
  const closing = once(socket, 'close');
  socket.close();
  await closing;
}

/** Last column of our socket's line in `/proc/net/udp`; its addresses are little-endian hexadecimal. */
function droppedAt(address: string, port: number): number | undefined {
  const host = address
    .split('.')
    .reverse()
    .map((octet) => hex(Number(octet), 2))
    .join('');
  try {
    const lines = readFileSync('/proc/net/udp', 'utf8')
      .split('\n')
      .map((line) => line.trim().split(/\s+/));
    const drops = lines.find(([, local]) => local === `${host}:${hex(port, 4)}`)?.at(-1);
    return drops === undefined || !/^\d+$/.test(drops) ? undefined : Number(drops);
  } catch {
    return undefined;
  }
}

const hex = (value: number, width: number): string => value.toString(16).toUpperCase().padStart(width, '0');
