/**
 * The map files that HAProxy reads at a start or reload: what a restart returns to (I13, A25). Written durably: what a call
 * here has confirmed survives a crash of the machine.
 *
 * Several workers, and rollouts of several services, share a file. Maps that only ever grow are appended to. The others are
 * replaced whole through `<file>.lock`, created exclusively: lock and new contents in one, renamed over the file, so that
 * HAProxy never reads half a file and no writer loses another's line.
 */
import { open, readFile, rename, rm, stat, type FileHandle } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { permanent, transient } from '../../errors.js';
import { Serial } from '../serial.js';
import type { Deadline } from '../slots/deadline.js';
import { mapFileName, type MapName } from './maps.js';

/** A lock this old belongs to a writer that died: no call has a deadline near it. */
const STALE_LOCK_MS = 30_000;

/** A line on its way into a file. One whose deadline has passed is not taken along: its writer has given up. */
interface Waiting {
  readonly key: string;
  readonly value: string;
  readonly deadline: Deadline;
  isWritten: boolean;
}

export class MapFiles {
  readonly #serial = new Serial();
  readonly #waiting = new Map<MapName, Set<Waiting>>();

  constructor(private readonly directory: string) {}

  async get(map: MapName, key: string): Promise<string | undefined> {
    return valueOf(await this.#read(map), key);
  }

  /** Appends the entry unless the key is there, whatever its value: HAProxy takes the first of two. */
  async addOnce(map: MapName, key: string, value: string, deadline: Deadline): Promise<void> {
    if (valueOf(await this.#read(map), key) !== undefined) return;
    await this.#together(map, { key, value, deadline, isWritten: false }, (entries) => this.#append(map, entries));
  }

  /** Sets the entry, leaving every other line as it is. Writes nothing where the file says so already. */
  async put(map: MapName, key: string, value: string, deadline: Deadline): Promise<void> {
    if (valueOf(await this.#read(map), key) === value) return;
    await this.#together(map, { key, value, deadline, isWritten: false }, (entries) => this.#replace(map, entries, deadline));
  }

  /**
   * One write for all who wait in this process: a disk that syncs a hundred times a second would make hundreds of rollouts wait
   * for each other, longer than a lease. Whoever's deadline passes meanwhile is left out, and nobody else with it.
   */
  async #together(map: MapName, entry: Waiting, write: (entries: readonly Waiting[]) => Promise<void>): Promise<void> {
    const waiting = this.#waiting.get(map) ?? new Set();
    this.#waiting.set(map, waiting.add(entry));
    try {
      await this.#serial.run(map, async () => {
        // Somebody before us has taken our line along.
        if (isDone(entry)) return;
        entry.deadline.check();
        await write([...waiting]);
        if (!isDone(entry)) throw entry.deadline.passed();
      });
    } finally {
      waiting.delete(entry);
    }
  }

  async #append(map: MapName, entries: readonly Waiting[]): Promise<void> {
    const text = await this.#read(map);
    const taken = entries.filter(isInTime);
    const lines = new Map<string, string>();
    for (const { key, value } of taken) if (valueOf(text, key) === undefined && !lines.has(key)) lines.set(key, value);
    await explained(this.#path(map), async () => {
      const file = await open(this.#path(map), 'a');
      try {
        // A writer that died may have left half a line; one write, so that lines of two writers do not mix.
        const begun = text === '' || text.endsWith('\n') ? '' : '\n';
        await file.write([...lines].reduce((sofar, [key, value]) => `${sofar}${key} ${value}\n`, begun));
        await file.datasync();
      } finally {
        await file.close();
      }
    });
    for (const entry of taken) entry.isWritten = true;
  }

  async #replace(map: MapName, entries: readonly Waiting[], deadline: Deadline): Promise<void> {
    const path = this.#path(map);
    const lock = `${path}.lock`;
    const file = await this.#lock(path, deadline);
    let taken = entries.filter(isInTime);
    try {
      await explained(path, async () => {
        const before = await this.#read(map);
        for (;;) {
          await file.truncate();
          await file.write(withEntries(before, taken), 0);
          await file.sync();
          // Nobody's line may land after its deadline (I7); who loses this race reads and tries again.
          const left = taken.filter(isInTime);
          if (left.length === taken.length) break;
          taken = left;
        }
        await rename(lock, path);
      });
    } catch (error) {
      await rm(lock, { force: true });
      throw error;
    } finally {
      await file.close();
    }
    await explained(path, () => syncDirectory(dirname(path)));
    for (const entry of taken) entry.isWritten = true;
  }

  /** The lock file, open and empty. HAProxy must be able to read it later, as it could read the file before. */
  async #lock(path: string, deadline: Deadline): Promise<FileHandle> {
    const lock = `${path}.lock`;
    for (;;) {
      deadline.check();
      const file = await explained(path, async () => openNew(lock, (await stat(path)).mode & 0o777));
      if (file !== undefined) return file;
      await removeStale(lock);
      await pause(5);
    }
  }

  async #read(map: MapName): Promise<string> {
    return explained(this.#path(map), () => readFile(this.#path(map), 'utf8'));
  }

  #path(map: MapName): string {
    return join(this.directory, mapFileName(map));
  }
}

const isDone = ({ isWritten }: Waiting): boolean => isWritten;
const isInTime = ({ deadline }: Waiting): boolean => deadline.leftMs() > 0;

/** Hundreds look for their key at the same time: a text is searched for it and not taken apart. */
function valueOf(text: string, key: string): string | undefined {
  for (let at = text.indexOf(key); at >= 0; at = text.indexOf(key, at + 1)) {
    const end = text.indexOf('\n', at);
    const line = text.slice(text.lastIndexOf('\n', at) + 1, end < 0 ? undefined : end);
    const [found, ...value] = line.trim().split(/\s+/);
    if (found === key) return value.join(' ');
  }
  return undefined;
}

/** The text with these lines at its end, and no others of their keys. */
function withEntries(text: string, entries: readonly Pick<Waiting, 'key' | 'value'>[]): string {
  const values = new Map(entries.map(({ key, value }) => [key, value]));
  const others = text.split('\n').filter((line) => line !== '' && !values.has(/^\s*(\S*)/.exec(line)?.[1] ?? ''));
  return [...others, ...[...values].map(([key, value]) => `${key} ${value}`), ''].join('\n');
}

/** Undefined if it exists. */
async function openNew(path: string, mode: number): Promise<FileHandle | undefined> {
  try {
    return await open(path, 'wx', mode);
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return undefined;
    throw error;
  }
}

async function removeStale(lock: string): Promise<void> {
  try {
    if (Date.now() - (await stat(lock)).mtimeMs > STALE_LOCK_MS) await rm(lock, { force: true });
  } catch {
    // Its owner has just finished, which is better.
  }
}

/** A rename is durable only when the folder is. */
async function syncDirectory(path: string): Promise<void> {
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

function codeOf(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? '';
}

async function explained<T>(path: string, act: () => Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (error) {
    if (error instanceof Error && error.name === 'ProviderError') throw error;
    const code = codeOf(error);
    const text = `${path}: ${error instanceof Error ? error.message : String(error)}`;
    if (code === 'ENOENT')
      throw permanent(`${text}; the adapter's directory must be the RUN that HAProxy was started with`, error);
    if (code === 'EACCES' || code === 'EPERM' || code === 'EROFS')
      throw permanent(`${text}; the worker must be able to write HAProxy's map files`, error);
    throw transient(text, error);
  }
}
