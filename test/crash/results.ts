/** What the crash suite has found so far, a file for each case. Committed, so that hours of it are not lost with a machine. */
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Baseline, CrashResult } from './crash.js';

export interface Kept {
  /** Of the run in which nothing died: the points are those of every later run. */
  readonly baseline: Baseline;
  readonly results: readonly CrashResult[];
}

const FOLDER = fileURLToPath(new URL('results/', import.meta.url));
const fileOf = (name: string): string => join(FOLDER, `${name}.json`);

export function readKept(name: string): Kept | undefined {
  return existsSync(fileOf(name)) ? (JSON.parse(readFileSync(fileOf(name), 'utf8')) as Kept) : undefined;
}

/** One result a line, and never half a file. */
export function keep(name: string, kept: Kept): Kept {
  mkdirSync(FOLDER, { recursive: true });
  const lines = kept.results.map((result) => JSON.stringify(result)).join(',\n');
  writeFileSync(`${fileOf(name)}.new`, `{"baseline":${JSON.stringify(kept.baseline)},\n"results":[\n${lines}\n]}\n`);
  renameSync(`${fileOf(name)}.new`, fileOf(name));
  return kept;
}
