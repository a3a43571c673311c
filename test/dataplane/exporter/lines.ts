/** Lines as the product's HAProxy writes them, and what a scrape of the exporter shows. */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import type { Exporter } from '../../../src/dataplane/exporter/exporter.js';
import { untilSeen } from '../../harness/until.js';

export interface LineFields {
  readonly at: number;
  readonly svc: string;
  readonly slot: string;
  readonly role: string;
  readonly why: string;
  readonly gen: string;
  readonly lease: string;
  readonly release: string;
  readonly st: number;
  readonly Ta: number;
  readonly Tr: number;
  readonly ts: string;
  readonly bytes: number;
  readonly ct: string;
  readonly pid: number;
  readonly stick: string;
}

const USUAL: LineFields = {
  at: 1_700_000_000_000,
  svc: 'app',
  slot: 'blue',
  role: 'stable',
  why: 'draw',
  gen: 'r2~0a1b2c3d.4',
  lease: 'live',
  release: 'r1',
  st: 200,
  Ta: 40,
  Tr: 30,
  ts: '----',
  bytes: 120,
  ct: 'application/json',
  pid: 100,
  stick: '-',
};

export const line = (fields: Partial<Record<keyof LineFields, unknown>> = {}): string => JSON.stringify({ ...USUAL, ...fields });

/** Sends each text as a datagram of its own. */
export async function send(exporter: Exporter, texts: readonly string[]): Promise<void> {
  const socket = createSocket('udp4');
  const { host, port } = exporter.addresses.udp;
  for (const text of texts)
    await new Promise<void>((resolve, reject) => {
      socket.send(text, port, host, (error) => {
        if (error) reject(error);
        else resolve();
      });
    });
  const closed = once(socket, 'close');
  socket.close();
  await closed;
}

export class Page {
  constructor(readonly text: string) {}

  /** The values of the series of `name` that have all these labels, summed; undefined where there is none. */
  sum(name: string, labels: Readonly<Record<string, string>> = {}): number | undefined {
    const found = this.text
      .split('\n')
      .filter(
        (one) =>
          (one.startsWith(`${name}{`) || one.startsWith(`${name} `)) &&
          Object.entries(labels).every(([label, value]) => one.includes(`${label}="${value}"`)),
      );
    return found.length === 0 ? undefined : found.reduce((sum, one) => sum + Number(one.slice(one.lastIndexOf(' ') + 1)), 0);
  }
}

export async function scrape(exporter: Exporter): Promise<Page> {
  const response = await fetch(exporter.addresses.http.url);
  return new Page(await response.text());
}

/** The page once so many lines have been received, whatever became of them. */
export async function pageAfter(exporter: Exporter, lines: number): Promise<Page> {
  return untilSeen(
    () => scrape(exporter),
    (page) => page.sum('sluice_exporter_lines_total') === lines,
    { withinMs: 10_000, what: `${String(lines)} lines to be counted` },
  );
}
