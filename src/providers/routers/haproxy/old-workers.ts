/**
 * After a reload the worker before it lives on until its connections end. It keeps its own maps, the admin socket does not
 * reach it, and each kept connection is answered once more by them. The master socket reaches it.
 */
import { setTimeout as pause } from 'node:timers/promises';
import type { Slot } from '../../../domain/words.js';
import type { Deadline } from '../slots/deadline.js';
import { RuntimeMaps, type Send } from './runtime-maps.js';
import { ask } from './socket.js';

const RETRY_MS = 25;
/** Longest wait for a count; the serving worker's alone would be too few. */
const COUNT_MS = 1_000;

export class OldWorkers {
  constructor(
    private readonly masterSocket: string,
    private readonly directory: string,
  ) {}

  /** Tells every old worker, best effort: one that cannot be reached has its own leases, and ends by itself. */
  async tell(act: (maps: RuntimeMaps) => Promise<void>, deadline: Deadline): Promise<void> {
    const tellAll = async (): Promise<void> => {
      await Promise.allSettled((await this.#pids(deadline)).map((pid) => act(new RuntimeMaps(this.#to(pid), this.directory))));
    };
    await Promise.allSettled([tellAll()]);
  }

  /** Sessions that they still carry to a slot; undefined if one of them cannot be counted. */
  async sessions(service: string, slot: Slot, deadline: Deadline): Promise<number | undefined> {
    const soon = deadline.within(COUNT_MS);
    try {
      const counts = await Promise.all((await this.#pids(soon)).map((pid) => this.#sessionsOf(pid, `${service}-${slot}`, soon)));
      return counts.reduce((sum, count) => sum + count, 0);
    } catch {
      return undefined;
    }
  }

  async #sessionsOf(pid: number, backend: string, deadline: Deadline): Promise<number> {
    // 2: backends only.
    const csv = await this.#to(pid)(`show stat ${backend} 2 -1`, deadline);
    const [header = '', ...rows] = csv.split('\n');
    const column = header.replace('# ', '').split(',').indexOf('scur');
    const row = rows.find((line) => line.startsWith(`${backend},BACKEND,`));
    const count = Number(row?.split(',')[column]);
    if (!Number.isInteger(count)) throw new Error(`worker ${String(pid)} does not say its sessions`);
    return count;
  }

  /** For a moment after a reload, while the master starts itself anew, its socket refuses: the very moment that matters here. */
  async #pids(deadline: Deadline): Promise<readonly number[]> {
    for (;;) {
      try {
        return pidsIn(await ask(this.masterSocket, 'show proc', deadline));
      } catch (error) {
        if (deadline.leftMs() <= RETRY_MS) throw error;
        await pause(RETRY_MS);
      }
    }
  }

  #to(pid: number): Send {
    return (command, deadline) => ask(this.masterSocket, `@!${String(pid)} ${command}`, deadline);
  }
}

function pidsIn(processes: string): readonly number[] {
  const [, old = ''] = processes.split('# old workers');
  return [...old.matchAll(/^(\d+)\s+worker\s/gm)].map((match) => Number(match[1]));
}
