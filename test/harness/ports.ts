/**
 * Loopback ports that stay ours across restarts of a server.
 *
 * A port asked of the system (port 0) lies in the range that outgoing connections use as well: while a killed server is
 * down, a load generator's connection may sit on its port and the restart fails. So ports come from below that range, and
 * a claim file keeps test files that run at the same time apart between "found free" and "bound".
 */
import { createServer } from 'node:net';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isAlive } from './alive.js';

const FIRST = 12_000;
const LAST = 31_999;
const CLAIMS = join(tmpdir(), 'sluice-test-ports');
const claimed: string[] = [];

/** `count` different free TCP ports of 127.0.0.1, claimed until this process ends. */
export async function freePorts(count: number): Promise<number[]> {
  const found: number[] = [];
  const span = LAST - FIRST + 1;
  const start = Math.floor(Math.random() * span);
  for (let tried = 0; tried < span && found.length < count; tried++) {
    const port = FIRST + ((start + tried) % span);
    if (claim(port) && (await isFree(port))) found.push(port);
  }
  if (found.length < count) {
    throw new Error(`found ${String(found.length)} free ports from ${String(FIRST)} to ${String(LAST)}, wanted ${String(count)}`);
  }
  return found;
}

export async function freePort(): Promise<number> {
  const [port] = await freePorts(1);
  if (port === undefined) throw new Error('no free port');
  return port;
}

/** False if another living test process holds the port. A claim whose owner is dead is taken over. */
function claim(port: number): boolean {
  mkdirSync(CLAIMS, { recursive: true });
  const file = join(CLAIMS, String(port));
  for (let attempt = 0; attempt < 2; attempt++) {
    try {
      writeFileSync(file, String(process.pid), { flag: 'wx' });
      claimed.push(file);
      return true;
    } catch {
      if (isAlive(ownerOf(file))) return false;
      rmSync(file, { force: true });
    }
  }
  return false;
}

/** An empty claim is just being written by somebody alive, so it counts as ours; 0, which no process has, if it went away. */
function ownerOf(file: string): number {
  try {
    const text = readFileSync(file, 'utf8');
    return text === '' ? process.pid : Number(text);
  } catch {
    return 0;
  }
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => {
      resolve(false);
    });
    server.listen(port, '127.0.0.1', () => {
      server.close(() => {
        resolve(true);
      });
    });
  });
}

process.on('exit', () => {
  for (const file of claimed) rmSync(file, { force: true });
});
