/**
 * Metrics straight from `/metrics` addresses. The most exact source is the router's: `sluice exporter` shows both revisions
 * in one scrape, so that an outage that hits both never looks like one's fault (judge.md §4.3). Also for services without a
 * metrics store: one address for each revision or replica.
 */
import { createHash } from 'node:crypto';
import { z } from 'zod';
import type { Cursor, Reading } from '../../domain/reading.js';
import type { Instant, Target } from '../../domain/words.js';
import { permanent, transient } from '../errors.js';
import type { LookedBack, MeasuredPair, MetricSource, Observation } from '../ports.js';
import { readingOf } from './assemble.js';
import type { Look } from './count.js';
import { cursorAt, parseCursor, type CountingCursor } from './cursor.js';
import { get, httpFields, httpUrl, nameOf, together } from './http.js';
import { askedFor, mappingFields, type Mapping } from './mapping.js';
import { continuity, seen, suspicion } from './processes.js';
import type { Origin, RawSeries } from './series.js';
import { SharedCalls } from './shared-calls.js';
import { Silence } from './silence.js';
import { Tally } from './tally.js';
import { parseTextFormat, TextFormatError, type Exposition } from './text-format.js';

const address = z.strictObject({
  url: httpUrl,
  /** Id, slot or release of the revision that is served here, where no label tells. */
  revision: z.string().min(1).optional(),
  /** Names the replica; its host and port where the address serves one revision. */
  replica: z.string().min(1).optional(),
});

export const scrapeOptions = z.strictObject({
  ...mappingFields,
  ...httpFields,
  urls: z.array(z.union([httpUrl.transform((url) => ({ url }) satisfies z.output<typeof address>), address])).min(1),
  /** A gauge of the scraped process's clock in seconds. Without it the answer's `Date` tells, and without that our clock. */
  clockMetric: z.string().default('sluice_exporter_time_seconds'),
  /**
   * Query parameter by which an address is asked for one service's series alone. `service` where no metrics are named, since
   * they are the exporter's then; otherwise nobody is asked, for a page need not know it.
   */
  serviceParameter: z
    .string()
    .regex(/^[\w-]+$/, 'expected the name of a query parameter')
    .optional(),
  /** When the scraped process began, in seconds since the epoch: tells restarts from hops between replicas. */
  startMetric: z.string().default('process_start_time_seconds'),
});

export type ScrapeOptions = z.input<typeof scrapeOptions>;

export interface ScrapeDependencies {
  /** Milliseconds since the epoch; only for answers that carry no time. */
  readonly now?: () => Instant;
  readonly monotonicMs?: () => number;
  /** Told why a signal is absent. */
  readonly warn?: (message: string) => void;
}

/** A reading may stand on an answer that was asked for so long before it. Far under a tick, and its sample bears its own time. */
const SHARED_MS = 50;

interface Address {
  readonly url: URL;
  readonly origin: Origin;
}

interface Scraped extends Page {
  readonly url: URL;
  readonly origin: Origin;
}

/** What an address answered: to everybody who waited for it. */
interface Page {
  readonly exposition: Exposition;
  readonly at: Instant;
  readonly startedAt: Instant | undefined;
  readonly silentMs: number;
}

/** Throws a `ZodError` for options that are none. */
export function scrapeSource(options: ScrapeOptions, dependencies: ScrapeDependencies = {}): MetricSource {
  const asks = options.metrics === undefined ? { serviceParameter: 'service' } : {};
  return new ScrapeSource(scrapeOptions.parse({ ...asks, ...options }), dependencies);
}

class ScrapeSource implements MetricSource {
  readonly #addresses: readonly Address[];
  readonly #silence: Silence;
  readonly #pages: SharedCalls<Page>;
  readonly #now: () => Instant;
  readonly #warn: (message: string) => void;

  constructor(
    private readonly options: z.output<typeof scrapeOptions>,
    { now = Date.now, monotonicMs = () => performance.now(), warn = () => undefined }: ScrapeDependencies,
  ) {
    this.#addresses = options.urls.map((one) => ({ url: new URL(one.url), origin: originOf(one) }));
    this.#silence = new Silence(monotonicMs);
    this.#pages = new SharedCalls(monotonicMs);
    this.#now = now;
    this.#warn = warn;
  }

  /** Several addresses are read a moment apart: that is not the same instant, whatever they serve. */
  describe(): Promise<{ signals: readonly (keyof Reading)[]; sameInstant: boolean }> {
    const [first, ...others] = this.#addresses;
    const signals = Object.keys(this.options.metrics) as (keyof Reading)[];
    return Promise.resolve({ signals, sameInstant: others.length === 0 && first?.origin.revision === undefined });
  }

  read(target: Target, pair: MeasuredPair, cursor: Cursor, signal: AbortSignal): Promise<Observation> {
    return this.#read(target, pair, cursor, signal, false);
  }

  /**
   * A page has no past, so that it is gathered: the base is taken at the first call, and each further one gives a reading of
   * stable over the time since. Called each tick from the opening of the ramp to the first shift, it teaches as much as the
   * warm-up lasts. The candidate's own addresses are not asked: nobody need answer there yet.
   */
  async lookBack(
    target: Target,
    { stable }: MeasuredPair,
    cursor: Cursor,
    _spanMs: number,
    signal: AbortSignal,
  ): Promise<LookedBack> {
    const looked = await this.#read(target, { stable, candidate: stable }, cursor, signal, true);
    return { readings: cursor === 'begin' ? [] : [looked.reading], cursor: looked.cursor };
  }

  async #read(
    target: Target,
    pair: MeasuredPair,
    cursor: Cursor,
    signal: AbortSignal,
    stableOnly: boolean,
  ): Promise<Observation> {
    refuseExpressions(this.options, pair);
    const before = cursor === 'begin' ? undefined : parseCursor(cursor);
    if (before?.refused !== undefined) return this.#refuse(before, before.refused);
    const scraped = await together(
      signal,
      this.#addressesOf(pair).map((one) => (stop: AbortSignal) => this.#scrape(one, target, before === undefined, stop)),
    );
    const look = lookOf(scraped);
    const base = before ?? cursorAt(look.now);
    const tally = new Tally(base);
    const stranger = before && beginAgainOrRefuse(before, scraped, tally);
    if (stranger !== undefined) return this.#refuse(base, stranger);
    const { reading, absent } = readingOf(
      {
        measured: { target, pair, labels: this.options.labels },
        mapping: this.options,
        look,
        tally,
        begins: before === undefined,
        stableOnly,
      },
      { now: look.now, silentMs: Math.max(...scraped.map(({ silentMs }) => silentMs)), gaugeSpreadMs: Infinity },
    );
    const processes = new Map(
      scraped.map((one) => [one.origin.key, seen(base.processes[one.origin.key], one, tally.fell.has(one.origin.key))]),
    );
    const suspect = scraped.flatMap(({ url, origin }) => suspicion(nameOf(url), processes.get(origin.key)) ?? [])[0];
    if (suspect !== undefined) return this.#refuse(base, suspect);
    for (const why of absent) this.#warn(`no data for ${target.service}: ${why}`);
    return { reading, cursor: tally.toCursor(Object.fromEntries(processes)), absent };
  }

  /** Nothing of this step counts any more: what was added before the hop was seen cannot be told from what is true. */
  #refuse(cursor: CountingCursor, why: string): Observation {
    const told = `no data until the next step begins: ${why}. Scrape each replica at an address of its own, not through a balancer.`;
    this.#warn(told);
    return { reading: {}, cursor: { ...cursor, refused: why }, absent: [told] };
  }

  /** An address that serves another revision than the two is not asked. */
  #addressesOf({ stable, candidate }: MeasuredPair): readonly Address[] {
    const names = [stable, candidate].flatMap(({ id, slot, release }) => [id, slot, release]);
    const found = this.#addresses.filter(({ origin }) => origin.revision === undefined || names.includes(origin.revision));
    if (found.length > 0) return found;
    const known = this.#addresses.map(({ origin }) => origin.revision ?? '').join(', ');
    throw permanent(`no address serves ${stable.id} or ${candidate.id}; configured are addresses of ${known}`);
  }

  /**
   * Rollouts whose ticks fall together share an answer. A base does not: the step's first requests must not lie before it.
   */
  async #scrape({ url, origin }: Address, { service }: Target, isBase: boolean, signal: AbortSignal): Promise<Scraped> {
    const { serviceParameter } = this.options;
    const asked = new URL(url);
    if (serviceParameter !== undefined) asked.searchParams.set(serviceParameter, service);
    const page = await this.#pages.call(asked.href, isBase ? 0 : SHARED_MS, signal, (stop) => this.#page(asked, origin, stop));
    return { url, origin, ...page };
  }

  async #page(url: URL, origin: Origin, signal: AbortSignal): Promise<Page> {
    const { headers, timeoutMs, maxBytes, clockMetric, startMetric } = this.options;
    const answer = await get(url, { signal, timeoutMs, maxBytes, headers: { accept: 'text/plain; version=0.0.4', ...headers } });
    if (answer.status !== 200) throw transient(`${nameOf(url)} answered ${String(answer.status)}, expected 200 and metrics`);
    if (answer.headers.get('content-type')?.includes('openmetrics') === true) {
      throw permanent(
        `${nameOf(url)} answered in OpenMetrics, although text/plain; version=0.0.4 was asked for: serve the text format`,
      );
    }
    const exposition = parse(answer.body, url);
    const at = secondsToMs(valueOf(exposition, clockMetric)) ?? dateOf(answer.headers) ?? this.#now();
    const cachedMs = secondsToMs(Number(answer.headers.get('age') ?? 0)) ?? 0;
    const startedAt = startOf(exposition, url, startMetric);
    return { exposition, at, startedAt, silentMs: Math.max(cachedMs, this.#silence.of(origin.key, at)) };
  }
}

function refuseExpressions(mapping: Mapping, pair: MeasuredPair): void {
  const { measures, values } = askedFor(mapping, pair);
  const [asked] = [
    ...measures.flatMap(({ key, promQl }) => (promQl === undefined ? [] : [key])),
    ...values.map(([name]) => name),
  ];
  if (asked !== undefined)
    throw permanent(
      `${asked} is PromQL, which nobody evaluates at a scraped address: name a metric, or a connection of the type prometheus`,
    );
}

/** Why an answer is not the next one of what answered before; restarts go into the tally. */
function beginAgainOrRefuse(before: CountingCursor, scraped: readonly Scraped[], tally: Tally): string | undefined {
  for (const one of scraped) {
    const { key } = one.origin;
    const link = continuity(before.processes[key], one, before.began);
    if (link.kind === 'another') return `${nameOf(one.url)}: ${link.why}`;
    if (link.kind === 'began-again') tally.beginAgain(key);
  }
  return undefined;
}

function parse(body: string, url: URL): Exposition {
  try {
    return parseTextFormat(body);
  } catch (error) {
    if (error instanceof TextFormatError)
      throw transient(`${nameOf(url)} answered with what is no text exposition: ${error.message}`, error);
    throw error;
  }
}

/**
 * When the process began, where the page says. Throws for a page that went wrong: one without a line, or that states no time. Taken
 * for what it says it would be the base from which a whole step counts, or look like another process at the same address.
 */
function startOf(exposition: Exposition, url: URL, startMetric: string): Instant | undefined {
  if (exposition.samples.length === 0) throw transient(`${nameOf(url)} answered without any metric`);
  const stated = valueOf(exposition, startMetric);
  const startedAt = secondsToMs(stated);
  if (stated !== undefined && startedAt === undefined)
    throw transient(`${nameOf(url)} states ${String(stated)} as its ${startMetric}, expected a time`);
  return startedAt;
}

function lookOf(scraped: readonly Scraped[]): Look {
  const series = new Map<string, RawSeries[]>();
  for (const { exposition, origin, at } of scraped) {
    for (const { name, labels, value, timestampMs } of exposition.samples) {
      const one = { labels, origin, samples: [{ at: timestampMs ?? at, value }] };
      const others = series.get(name);
      if (others === undefined) series.set(name, [one]);
      else others.push(one);
    }
  }
  return {
    now: Math.min(...scraped.map(({ at }) => at)),
    series,
    declared: new Set(scraped.flatMap(({ exposition }) => [...exposition.declared])),
    unreadable: new Map(),
    memory: 'cursor',
  };
}

function originOf({ url, revision, replica }: z.output<typeof address>): Origin {
  const key = createHash('sha256').update(url).digest('base64url').slice(0, 8);
  return { key, revision, replica: replica ?? (revision === undefined ? undefined : new URL(url).host) };
}

function valueOf({ samples }: Exposition, name: string): number | undefined {
  return samples.find((sample) => sample.name === name)?.value;
}

function secondsToMs(seconds: number | undefined): number | undefined {
  return seconds !== undefined && Number.isFinite(seconds) && seconds >= 0 ? Math.round(seconds * 1_000) : undefined;
}

function dateOf(headers: Headers): Instant | undefined {
  const date = Date.parse(headers.get('date') ?? '');
  return Number.isNaN(date) ? undefined : date;
}
