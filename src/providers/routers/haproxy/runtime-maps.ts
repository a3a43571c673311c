import { join } from 'node:path';
import { permanent, transient } from '../../errors.js';
import type { Deadline } from '../slots/deadline.js';
import { mapFileName, type MapName } from './maps.js';

/** Sends one command to one worker. */
export type Send = (command: string, deadline: Deadline) => Promise<string>;

/** Keys and values are made by this adapter from checked or encoded parts; a blank in one would be another command's word. */
const WORD = /^[^\s;\\<>]+$/;

/** The runtime maps of one HAProxy worker. Nothing here outlives that worker; see `map-files.ts`. */
export class RuntimeMaps {
  constructor(
    private readonly send: Send,
    /** RUN as HAProxy was told it: maps are addressed by their file's path. */
    private readonly directory: string,
  ) {}

  /** Changes a key that exists. HAProxy refuses others, which is what keeps a renewal from reviving a lost lease. */
  async change(map: MapName, key: string, value: string, deadline: Deadline): Promise<'changed' | 'not-found'> {
    const answer = await this.#command('set', map, [key, value], deadline);
    if (answer === '') return 'changed';
    if (answer === 'entry not found.') return 'not-found';
    throw this.#unexpected('set', map, answer);
  }

  /** Two racing writers may leave a key twice; later changes then change both, so that this is harmless. */
  async put(map: MapName, key: string, value: string, deadline: Deadline): Promise<void> {
    if ((await this.change(map, key, value, deadline)) === 'not-found') await this.#add(map, key, value, deadline);
  }

  /** Adds a key unless it is there. Two racing callers may add it twice, which is harmless. */
  async addOnce(map: MapName, key: string, value: string, deadline: Deadline): Promise<void> {
    if ((await this.get(map, key, deadline)) === undefined) await this.#add(map, key, value, deadline);
  }

  async get(map: MapName, key: string, deadline: Deadline): Promise<string | undefined> {
    const answer = await this.#command('get', map, [key], deadline);
    return /found=yes.*value="([^"]*)"/.exec(answer)?.[1];
  }

  async #add(map: MapName, key: string, value: string, deadline: Deadline): Promise<void> {
    const answer = await this.#command('add', map, [key, value], deadline);
    if (answer !== '') throw this.#unexpected('add', map, answer);
  }

  async #command(verb: string, map: MapName, words: readonly string[], deadline: Deadline): Promise<string> {
    for (const word of words) if (!WORD.test(word)) throw permanent(`"${word}" cannot stand in an HAProxy map`);
    return this.send(`${verb} map ${this.#path(map)} ${words.join(' ')}`, deadline);
  }

  #path(map: MapName): string {
    return join(this.directory, mapFileName(map));
  }

  #unexpected(verb: string, map: MapName, answer: string): Error {
    const text = `HAProxy answered "${answer.slice(0, 200)}" to "${verb} map ${this.#path(map)}"`;
    if (answer.startsWith('Unknown map'))
      return permanent(`${text}: the adapter's directory must be the RUN that HAProxy was started with`);
    if (answer.startsWith('Permission denied')) return permanent(`${text}: the socket needs "level admin"`);
    return transient(text);
  }
}
