/**
 * A metric source whose counters the test writes: per revision, cumulative, as an exporter's. It keeps the port's contract:
 * `begin` takes the base and reads zeros, a cursor is JSON and may be read by another worker, freshness is told by the
 * sample's age.
 */
import type { Cursor, Reading, Sample } from '../domain/reading.js';
import type { Instant, Revision, Target } from '../domain/words.js';
import { transient } from '../providers/errors.js';
import type { LookedBack, MeasuredPair, MetricSource, Observation } from '../providers/ports.js';

/** What happened at one revision. */
export interface Happened {
  readonly requests?: number;
  /** 5xx, and cut streams. */
  readonly bad?: number;
  readonly cutStreams?: number;
  /** One for each answer whose latency is known. */
  readonly latenciesMs?: readonly number[];
  readonly coldStarts?: { readonly requests: number; readonly bad: number };
  readonly schemaRefusals?: number;
  readonly custom?: Readonly<Record<string, { readonly requests: number; readonly bad: number }>>;
}

export interface ScriptedMetricsOptions {
  /** The source's clock. */
  readonly now: () => Instant;
  /** Which signals the source gives. `errors` and `latency` unless told. */
  readonly signals?: readonly (keyof Reading)[];
  readonly sameInstant?: boolean;
  /** Upper bounds of the latency buckets; factor 1.5 from 10 ms to about 20 s unless told. */
  readonly boundsMs?: readonly number[];
  /** Plays the users: called before each read but the first of a step, with the number of reads so far. */
  readonly play?: (metrics: ScriptedMetrics, pair: MeasuredPair, read: number) => void;
}

/** Flat counters by name, so that subtracting a base is one loop, and a cursor is plain JSON. */
type Counters = Readonly<Record<string, number>>;

const BOUNDS_MS = Array.from({ length: 20 }, (_, index) => Math.round(10 * 1.5 ** index));

export class ScriptedMetrics implements MetricSource {
  /** Age of the oldest message in seconds; undefined: the series is missing. */
  queueAgeS: number | undefined;
  /** Values of custom gates, by name. */
  readonly values = new Map<string, number>();
  /** Reads fail with this. */
  failure: Error | undefined;
  readonly #options: Required<Omit<ScriptedMetricsOptions, 'play'>> & Pick<ScriptedMetricsOptions, 'play'>;
  readonly #counters = new Map<string, Record<string, number>>();
  #frozenAt: Instant | undefined;
  #reads = 0;

  constructor(options: ScriptedMetricsOptions) {
    this.#options = { signals: ['errors', 'latency'], sameInstant: true, boundsMs: BOUNDS_MS, ...options };
  }

  /** Adds to a revision's counters. Replays for the dedupe signal are counted under the name `dedupe` with `happenedAgain`. */
  happen(revision: string, { latenciesMs = [], coldStarts, custom = {}, ...counts }: Happened): void {
    for (const [name, count] of Object.entries(counts)) this.#add(revision, name, count);
    for (const latency of latenciesMs) this.#add(revision, `latency/${String(this.#bucketOf(latency))}`, 1);
    const pairs = Object.entries({ ...(coldStarts === undefined ? {} : { 'cold-starts': coldStarts }), ...prefixed(custom) });
    for (const [name, { requests, bad }] of pairs) {
      this.#add(revision, `${name}/requests`, requests);
      this.#add(revision, `${name}/bad`, bad);
    }
  }

  /** Requests that came again: how many, and how many of them were not answered from the record or had an effect twice. */
  happenedAgain(counts: { readonly replays: number; readonly misses?: number; readonly duplicateEffects?: number }): void {
    for (const [name, count] of Object.entries(counts)) this.#add('dedupe', name, count);
  }

  /** Users came back who had been on the candidate: how many requests, and how many of them stable got. */
  cameBack(counts: { readonly returns: number; readonly violations?: number }): void {
    for (const [name, count] of Object.entries(counts)) this.#add('stickiness', name, count);
  }

  /** A revision's process restarts: its counters begin at 0 again. */
  restart(revision: string): void {
    this.#counters.delete(revision);
  }

  /** No new samples from now on: ages grow. */
  freeze(): void {
    this.#frozenAt ??= this.#options.now();
  }

  thaw(): void {
    this.#frozenAt = undefined;
  }

  describe(): Promise<{ readonly signals: readonly (keyof Reading)[]; readonly sameInstant: boolean }> {
    const { signals, sameInstant } = this.#options;
    return Promise.resolve({ signals, sameInstant });
  }

  // eslint-disable-next-line @typescript-eslint/require-await -- a rejection, not a throw
  async read(_target: Target, pair: MeasuredPair, cursor: Cursor, signal: AbortSignal): Promise<Observation> {
    if (signal.aborted) throw transient('the read was given up');
    if (this.failure !== undefined) throw this.failure;
    this.#reads++;
    if (cursor !== 'begin') this.#options.play?.(this, pair, this.#reads);
    return this.#since(pair, cursor);
  }

  /** Gathers, as a scraping source does. Nobody plays meanwhile: what happened is what the test said. */
  // eslint-disable-next-line @typescript-eslint/require-await -- a rejection, not a throw
  async lookBack(_target: Target, pair: MeasuredPair, cursor: Cursor, _spanMs: number, signal: AbortSignal): Promise<LookedBack> {
    if (signal.aborted) throw transient('the look-back was given up');
    if (this.failure !== undefined) throw this.failure;
    const { cursor: next, reading } = this.#since({ ...pair, candidate: NOBODY }, cursor);
    return { readings: cursor === 'begin' ? [] : [reading], cursor: next };
  }

  #since(pair: MeasuredPair, cursor: Cursor): Observation {
    const at = this.#frozenAt ?? this.#options.now();
    const base = cursor === 'begin' ? { at, counters: this.#snapshot(pair) } : (cursor as unknown as Base);
    const sample = <T>(value: T): Sample<T> => ({ at, ageMs: this.#options.now() - at, elapsedMs: at - base.at, value });
    return { reading: this.#reading(pair, base, sample), cursor: { at: base.at, counters: base.counters } };
  }

  #reading({ stable, candidate }: MeasuredPair, base: Base, sample: <T>(value: T) => Sample<T>): Reading {
    const since = (revision: string, name: string): number => {
      const now = this.#counters.get(revision)?.[name] ?? 0;
      const then = base.counters[revision]?.[name] ?? 0;
      return now >= then ? now - then : now;
    };
    const both = <T>(of: (revision: string) => T): { stable: T; candidate: T } => ({
      stable: of(stable.id),
      candidate: of(candidate.id),
    });
    const rate = (name: string) => both((id) => ({ requests: since(id, `${name}/requests`), bad: since(id, `${name}/bad`) }));
    const { boundsMs } = this.#options;
    const all: Reading = {
      errors: sample(
        both((id) => ({ requests: since(id, 'requests'), bad: since(id, 'bad'), cutStreams: since(id, 'cutStreams') })),
      ),
      latency: sample({
        boundsMs,
        counts: both((id) => Array.from({ length: boundsMs.length + 1 }, (_, index) => since(id, `latency/${String(index)}`))),
      }),
      coldStarts: sample(rate('cold-starts')),
      schemaRefusals: sample(both((id) => since(id, 'schemaRefusals'))),
      dedupe: sample({
        replays: since('dedupe', 'replays'),
        misses: since('dedupe', 'misses'),
        duplicateEffects: since('dedupe', 'duplicateEffects'),
      }),
      stickiness: sample({ returns: since('stickiness', 'returns'), violations: since('stickiness', 'violations') }),
      ...(this.queueAgeS === undefined ? {} : { queueAgeS: sample(this.queueAgeS) }),
      custom: {
        ...Object.fromEntries(this.#customNames().map((name) => [name, sample(rate(`custom/${name}`))])),
        ...Object.fromEntries([...this.values].map(([name, value]) => [name, sample(value)])),
      },
    };
    return Object.fromEntries(Object.entries(all).filter(([name]) => this.#options.signals.includes(name as keyof Reading)));
  }

  #customNames(): string[] {
    const names = [...this.#counters.values()].flatMap((counters) => Object.keys(counters));
    return [...new Set(names.flatMap((name) => /^custom\/(.*)\/requests$/.exec(name)?.[1] ?? []))];
  }

  #bucketOf(latencyMs: number): number {
    const index = this.#options.boundsMs.findIndex((bound) => latencyMs <= bound);
    return index < 0 ? this.#options.boundsMs.length : index;
  }

  #snapshot({ stable, candidate }: MeasuredPair): Readonly<Record<string, Counters>> {
    return Object.fromEntries(
      [stable.id, candidate.id, 'dedupe', 'stickiness'].map((name) => [name, { ...this.#counters.get(name) }]),
    );
  }

  #add(revision: string, name: string, count: number): void {
    const counters = this.#counters.get(revision) ?? {};
    counters[name] = (counters[name] ?? 0) + count;
    this.#counters.set(revision, counters);
  }
}

/** No test writes the counters of a revision without a name. */
const NOBODY: Revision = { id: '', release: '' };

interface Base {
  readonly at: Instant;
  readonly counters: Readonly<Record<string, Counters>>;
}

function prefixed<T>(record: Readonly<Record<string, T>>): Record<string, T> {
  return Object.fromEntries(Object.entries(record).map(([name, value]) => [`custom/${name}`, value]));
}
