/** What the stores of the release record have in common. */
import { parseReleaseRecord, type ReleaseRecord } from '../../domain/release-record.js';
import { permanent } from '../errors.js';

export interface StoreQueuesOptions {
  /** With user and password: it never stands in a message. */
  readonly url: string;
  /** Of connecting, and of each call; 5 s unless told. */
  readonly timeoutMs?: number | undefined;
}

export const TIMEOUT_MS = 5_000;

export function checkedUrl(url: string, schemes: readonly string[]): string {
  if (URL.canParse(url) && schemes.includes(new URL(url).protocol)) return url;
  throw permanent(`its url is none: expected ${schemes.map((scheme) => `${scheme}//…`).join(' or ')}`);
}

/** Drivers are the platform's to install: most workers need none. */
export async function driver<Module>(name: string, load: () => Promise<Module>): Promise<Module> {
  try {
    return await load();
  } catch (error) {
    throw permanent(`the package "${name}" is not installed beside the worker: npm install ${name}`, error);
  }
}

/** Whoever wrote a record that this version does not understand knows better than we do how to end it. */
export function recordIn(text: string | null | undefined): ReleaseRecord | undefined {
  if (text === null || text === undefined) return undefined;
  const parsed = parseReleaseRecord(text);
  if (parsed.kind === 'problem') throw permanent(parsed.problem);
  return parsed.record;
}

/** An address that several sockets failed to reach has no message of its own. */
export function whyOf(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown error';
  return error.message || ('code' in error ? String(error.code) : error.name);
}
