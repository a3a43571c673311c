/** Receives HAProxy's access log over UDP: one JSON line per finished response. */
import { createSocket, type Socket } from 'node:dgram';
import { existsSync, readFileSync } from 'node:fs';
import { asRecord } from './workflow-history.js';

export interface AccessLine {
  /** When the request was routed, by HAProxy's clock, milliseconds since the epoch. */
  readonly at: number;
  readonly svc: string;
  readonly slot: string;
  readonly role: string;
  /** Why it went there: pin, no-lease, no-candidate, relpin, bucket, draw, candidate-down. */
  readonly why: string;
  /** `<ramp>.<sequence>` of the route that decided. */
  readonly gen: string;
  /** live, expired or revoked. */
  readonly lease: string;
  /** Release id of the slot. */
  readonly release: string;
  readonly st: number;
  /** Milliseconds from routing to the end of the answer. */
  readonly Ta: number;
  /** Milliseconds to the answer's first byte; negative if there was none. */
  readonly Tr: number;
  /** Termination state, four characters; `----` is a whole answer. */
  readonly ts: string;
  readonly bytes: number;
  readonly ct: string;
  /** Of the HAProxy worker. */
  readonly pid: number;
  /** Of a user whom the candidate had answered before: `kept`, `broken`, or `-`. */
  readonly stick: string;
}

/** Eight times what a second of 5,000 requests needs: a receiver that lags loses lines, and the referee would be blind. */
const RECEIVE_BUFFER_BYTES = 16 << 20;

const UDP_TABLE = '/proc/net/udp';

/** The keys of a line, in the order that its readers were promised. */
export const LOG_KEYS = 'at svc slot role why gen lease release st Ta Tr ts bytes ct pid stick'.split(' ');

export class AccessLog {
  readonly lines: AccessLine[] = [];
  /** Datagrams that are no JSON by intent: health changes, start and stop of proxies. */
  notices = 0;
  /** Datagrams that begin like JSON and are none: a broken format, and a finding for the referee. */
  readonly garbled: string[] = [];
  readonly #socket: Socket;
  #relayPort: number | undefined;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('message', (datagram) => {
      if (this.#relayPort !== undefined) socket.send(datagram, this.#relayPort, '127.0.0.1');
      this.#take(datagram.toString('utf8'));
    });
  }

  /** Listens on a free port, given by `port`. */
  static async open(): Promise<AccessLog> {
    const socket = createSocket({ type: 'udp4', recvBufferSize: RECEIVE_BUFFER_BYTES });
    await new Promise<void>((resolve, reject) => {
      socket.once('error', reject);
      socket.bind(0, '127.0.0.1', resolve);
    });
    return new AccessLog(socket);
  }

  get port(): number {
    return this.#socket.address().port;
  }

  /** Sends every datagram on as well: HAProxy writes to one place, and the product's exporter reads the same lines. */
  relayTo(port: number): void {
    this.#relayPort = port;
  }

  /** Lines that the kernel threw away because this process was too busy to take them; 0 where it does not say. */
  lost(): number {
    const port = `:${this.port.toString(16).toUpperCase().padStart(4, '0')}`;
    const table = existsSync(UDP_TABLE) ? readFileSync(UDP_TABLE, 'utf8').trim().split('\n') : [];
    const ours = table.map((row) => row.trim().split(/ +/)).find(([, local]) => local?.endsWith(port) === true);
    return Number(ours?.at(-1) ?? 0);
  }

  close(): Promise<void> {
    return new Promise((resolve) => {
      this.#socket.close(() => {
        resolve();
      });
    });
  }

  #take(text: string): void {
    // A syslog header may stand before the line, depending on the format that the configuration chose.
    const begin = text.indexOf('{"');
    if (begin < 0) {
      this.notices++;
      return;
    }
    try {
      this.lines.push(readLine(text.slice(begin)));
    } catch {
      this.garbled.push(text);
    }
  }
}

/** Reads one line; throws if it is not JSON. A missing field reads as empty or NaN, and the referee says so. */
export function readLine(json: string): AccessLine {
  const raw = asRecord(JSON.parse(json));
  const text = (key: string): string => {
    const value = raw[key];
    return typeof value === 'string' ? value : '';
  };
  const number = (key: string): number => Number(raw[key]);
  return {
    at: number('at'),
    svc: text('svc'),
    slot: text('slot'),
    role: text('role'),
    why: text('why'),
    gen: text('gen'),
    lease: text('lease'),
    release: text('release'),
    st: number('st'),
    Ta: number('Ta'),
    Tr: number('Tr'),
    ts: text('ts'),
    bytes: number('bytes'),
    ct: text('ct'),
    pid: number('pid'),
    stick: text('stick'),
  };
}
