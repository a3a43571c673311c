/**
 * The release record as one process of a service sees it: read every few seconds and at once when it is told of a new one.
 * Who asks never waits. While the store cannot be read the last record goes on to hold, and that is counted.
 */
import { isBefore, parseReleaseRecord, type ReleaseRecord } from '../../domain/release-record.js';
import type { Target } from '../../domain/words.js';
import { emit, type GuardEvents } from '../events.js';
import { checkOptions, having, needed, optional } from '../options.js';
import { checkedTime } from '../spec.js';
import { TimeLimit } from '../time-limit.js';

/** Where the record is read: `postgresReleases` or `redisReleases`. */
export interface ReleaseSource {
  /** As it stands in the store; undefined: there was no rollout yet. */
  read(target: Target): Promise<string | undefined>;
  /** Gives what ends it. */
  watch?(target: Target, watcher: ReleaseWatcher): Promise<() => Promise<void>>;
}

export interface ReleaseWatcher {
  /** A new record was told. */
  readonly changed: () => void;
  /** Nothing is heard any more: watch again. */
  readonly lost: () => void;
}

export interface ReleaseOptions {
  readonly source: ReleaseSource;
  readonly target: Target;
  /** How often the record is read, in milliseconds; 5 s. */
  readonly cacheMs?: number | undefined;
  /** Gets `release-unreadable` for every read that failed. */
  readonly onEvent?: GuardEvents | undefined;
  /** How long a read may take, in milliseconds; 1 s. */
  readonly timeoutMs?: number | undefined;
}

export interface ReleaseView {
  /** The last one that could be read; undefined: none yet, or it was deleted. */
  readonly record: ReleaseRecord | undefined;
  /** Since it was read, in milliseconds; 0 where nothing was ever read. */
  readonly ageMs: number;
  /** Whether the last read succeeded. */
  readonly readable: boolean;
}

export interface ReleaseReader {
  current(): ReleaseView;
  /** Reads now. Never rejects. */
  refresh(): Promise<void>;
  close(): Promise<void>;
}

const CACHE_MS = 5_000;
const TIMEOUT_MS = 1_000;

const WANTS = {
  source: having('read', 'what postgresReleases(…) or redisReleases(…) gives'),
  target: needed('object', '{service, environment}'),
  cacheMs: optional('anything'),
  onEvent: optional('function'),
  timeoutMs: optional('anything'),
};

/** Resolves after the first read, whether or not it succeeded: a service starts without its record. */
export async function openReleaseRecord(options: ReleaseOptions): Promise<ReleaseReader> {
  checkOptions<ReleaseOptions>('openReleaseRecord', options, WANTS);
  checkOptions<Target>('options.target', options.target, { service: needed('text'), environment: needed('text') });
  const { cacheMs = CACHE_MS, timeoutMs = TIMEOUT_MS } = options;
  checkedTime('cacheMs', cacheMs);
  checkedTime('timeoutMs', timeoutMs);
  const reader = new CachedRecord(options);
  await reader.open();
  return reader;
}

class CachedRecord implements ReleaseReader {
  readonly #options: ReleaseOptions;
  readonly #limit: TimeLimit;
  #record: ReleaseRecord | undefined;
  #readAt: number | undefined;
  #readable = false;
  #reading: Promise<void> | undefined;
  /** A read that was on its way when somebody asked may have been too early. */
  #asked = 0;
  #timer: NodeJS.Timeout | undefined;
  #unwatch: (() => Promise<void>) | undefined;
  #closed = false;

  constructor(options: ReleaseOptions) {
    this.#options = options;
    this.#limit = new TimeLimit(options.timeoutMs ?? TIMEOUT_MS);
  }

  async open(): Promise<void> {
    const { cacheMs = CACHE_MS } = this.#options;
    this.#timer = setInterval(() => void this.#poll(), cacheMs);
    this.#timer.unref();
    // Watched before the first read, so that nothing is told in between.
    await this.#watch();
    await this.refresh();
  }

  current(): ReleaseView {
    const ageMs = this.#readAt === undefined ? 0 : performance.now() - this.#readAt;
    return { record: this.#record, ageMs, readable: this.#readable };
  }

  async refresh(): Promise<void> {
    this.#asked += 1;
    this.#reading ??= this.#readUntilQuiet();
    await this.#reading;
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearInterval(this.#timer);
    await this.#unwatch?.().catch(() => undefined);
    await this.#reading;
  }

  async #poll(): Promise<void> {
    if (this.#unwatch === undefined) await this.#watch();
    await this.refresh();
  }

  /** Without notices the record is read every few seconds all the same; the next poll tries again. */
  async #watch(): Promise<void> {
    const { source, target } = this.#options;
    const watcher: ReleaseWatcher = {
      changed: () => void this.refresh(),
      lost: () => {
        this.#unwatch = undefined;
      },
    };
    const end = (unwatch: (() => Promise<void>) | undefined): void => void unwatch?.().catch(() => undefined);
    const unwatch = await this.#limit.within(async () => source.watch?.(target, watcher), { late: end }).catch(() => undefined);
    if (this.#closed) end(unwatch);
    else this.#unwatch = unwatch;
  }

  async #readUntilQuiet(): Promise<void> {
    for (let seen = -1; seen !== this.#asked && !this.#closed;) {
      seen = this.#asked;
      await this.#read();
    }
    this.#reading = undefined;
  }

  async #read(): Promise<void> {
    const { source, target } = this.#options;
    try {
      const text = await this.#limit.within(() => source.read(target));
      const parsed = text === undefined ? undefined : parseReleaseRecord(text);
      if (parsed?.kind === 'problem') throw new Error(parsed.problem);
      // A replica that lags does not undo what is known; a record that somebody deleted binds nobody any more.
      if (parsed === undefined || this.#record === undefined || !isBefore(parsed.record, this.#record))
        this.#record = parsed?.record;
      this.#readAt = performance.now();
      this.#readable = true;
    } catch (error) {
      this.#readable = false;
      emit(this.#options.onEvent, { kind: 'release-unreadable', route: 'release', observed: false, error });
    }
  }
}
