/**
 * Metrics from Prometheus, or whatever speaks its HTTP API. Raw samples are read and their steps summed, for `increase()`
 * extrapolates (peers-on-machine.md §6). Both revisions come from one query at one instant, a scrape interval back, so that
 * every target has been scraped by then (judge.md §4.3).
 *
 * What this cannot see: events between a process's last scrape and its death. Name one server and not a balancer over
 * several, each with scrapes of its own: every hop between them may lose or repeat the events of one scrape interval.
 */
import { z } from 'zod';
import type { Cursor, Reading } from '../../domain/reading.js';
import type { Instant, Target } from '../../domain/words.js';
import type { MeasuredPair, MetricSource } from '../ports.js';
import { readingOf } from './assemble.js';
import { fieldOf, required } from './belonging.js';
import type { Look } from './count.js';
import { cursorAt, parseCursor, type CountingCursor } from './cursor.js';
import { httpFields, httpUrl, together } from './http.js';
import { mappingFields, measuresOf, type Mapping } from './mapping.js';
import { prometheusApi, type Answered, type Api, type StoredSeries } from './prometheus-api.js';
import { selectorOf, type Matcher } from './promql.js';
import type { Origin, RawSeries } from './series.js';
import { Tally } from './tally.js';

export const prometheusOptions = z.strictObject({
  ...mappingFields,
  ...httpFields,
  /** Without `/api/v1/query`; a path before it is kept. */
  url: httpUrl,
  /** Of the targets that are measured; the longest, where they differ. Readings are this far back. */
  scrapeIntervalMs: z.int().positive().default(15_000),
  /** How far back the last value of a series is looked for that had none in the last few scrapes: born, or back again? */
  lookBackMs: z
    .int()
    .positive()
    .default(60 * 60_000),
});

export type PrometheusOptions = z.input<typeof prometheusOptions>;

export interface PrometheusDependencies {
  /** Told why a signal is absent. */
  readonly warn?: (message: string) => void;
}

/** Throws a `ZodError` for options that are none. */
export function prometheusSource(options: PrometheusOptions, dependencies: PrometheusDependencies = {}): MetricSource {
  return new PrometheusSource(prometheusOptions.parse(options), dependencies.warn ?? (() => undefined));
}

/** Scrapes before the counted ones that are read along: the base of the first step, and the time of the newest sample. */
const SCRAPES_BEFORE = 4;

const STORE: Origin = { key: '', replica: undefined, revision: undefined };

class PrometheusSource implements MetricSource {
  readonly #api: Api;

  constructor(
    private readonly options: z.output<typeof prometheusOptions>,
    private readonly warn: (message: string) => void,
  ) {
    this.#api = prometheusApi(options.url, options);
  }

  describe(): Promise<{ signals: readonly (keyof Reading)[]; sameInstant: boolean }> {
    return Promise.resolve({ signals: Object.keys(this.options.metrics) as (keyof Reading)[], sameInstant: true });
  }

  async read(
    target: Target,
    pair: MeasuredPair,
    cursor: Cursor,
    signal: AbortSignal,
  ): Promise<{ reading: Reading; cursor: Cursor }> {
    const before = cursor === 'begin' ? undefined : parseCursor(cursor);
    const now = await this.#api.now(signal);
    const at = now - this.options.scrapeIntervalMs;
    const base = before ?? cursorAt(at);
    const families = familiesOf(this.options, target, pair, base);
    const answers = await together(
      signal,
      families.map((family) => async (stop: AbortSignal) => [family.name, await this.#family(family, at, stop)] as const),
    );
    const tally = new Tally(base);
    const { reading, absent } = readingOf(
      {
        measured: { target, pair, labels: this.options.labels },
        mapping: this.options,
        look: lookOf(at, answers),
        tally,
        begins: before === undefined,
      },
      { now, silentMs: 0, gaugeSpreadMs: 1.5 * this.options.scrapeIntervalMs },
    );
    for (const why of absent) this.warn(`no data for ${target.service}: ${why}`);
    return { reading, cursor: tally.toCursor({}) };
  }

  /** Samples since the last look and a few before it. A series without any of the latter is looked for further back. */
  async #family({ selector, upTo }: Family, at: Instant, signal: AbortSignal): Promise<Answered> {
    const { scrapeIntervalMs, lookBackMs } = this.options;
    const from = Math.min(upTo, at) - SCRAPES_BEFORE * scrapeIntervalMs;
    const recent = await this.#api.query(`${selector}[${String(at - from)}ms]`, at, signal);
    if (recent.kind === 'partial' || recent.series.every(({ samples }) => (samples[0]?.at ?? at) <= upTo)) return recent;
    const earlier = await this.#api.query(`last_over_time(${selector}[${String(lookBackMs)}ms])`, from, signal);
    if (earlier.kind === 'partial') return earlier;
    return { kind: 'whole', series: continued(recent.series, earlier.series, from) };
  }
}

interface Family {
  readonly name: string;
  readonly selector: string;
  /** Samples after this instant are not counted yet. */
  readonly upTo: Instant;
}

/** One query a family, for both revisions and all values of the labels that `where` looks at. */
function familiesOf(
  { metrics, labels }: Mapping,
  target: Target,
  pair: MeasuredPair,
  { began, measures: sums }: CountingCursor,
): readonly Family[] {
  const gauge =
    metrics.queueAgeS === undefined ? [] : [{ key: undefined, series: metrics.queueAgeS.name, per: 'service' as const }];
  const measures = [...measuresOf(metrics), ...gauge];
  const ofService = required(target, labels).map(([label, value]): Matcher => [label, [value]]);
  const ofRevisions = Object.entries(labels.revision)
    .filter(([label]) => !labels.optional.includes(label))
    .map(([label, field]): Matcher => [label, [fieldOf(pair.stable, field), fieldOf(pair.candidate, field)]]);
  return [...new Set(measures.map(({ series }) => series))].map((name) => {
    const uses = measures.filter(({ series }) => series === name);
    const wide = uses.some(({ per }) => per === 'service');
    const counted = uses.flatMap(({ key }) => (key === undefined ? [] : (sums[key]?.upTo ?? began)));
    return {
      name,
      selector: selectorOf(name, wide ? ofService : [...ofService, ...ofRevisions]),
      upTo: Math.min(...(counted.length === 0 ? [Infinity] : counted)),
    };
  });
}

/** The last value that a series had before the window stands at the window's begin; one that had none was born in it. */
function continued(recent: readonly StoredSeries[], earlier: readonly StoredSeries[], from: Instant): readonly StoredSeries[] {
  const values = new Map(earlier.map(({ labels, samples }) => [nameOfSeries(labels), samples[0]?.value]));
  return recent.map(({ labels, samples }) => {
    const value = values.get(nameOfSeries(labels));
    return {
      labels,
      samples: value === undefined || (samples[0]?.at ?? from) <= from ? samples : [{ at: from, value }, ...samples],
    };
  });
}

const nameOfSeries = (labels: StoredSeries['labels']): string => JSON.stringify([...labels].sort(([a], [b]) => (a < b ? -1 : 1)));

function lookOf(at: Instant, answers: readonly (readonly [string, Answered])[]): Look {
  const series = answers.map(([name, answer]) => [name, answer.kind === 'whole' ? answer.series.map(stored) : []] as const);
  return {
    now: at,
    series: new Map(series),
    declared: new Set(),
    unreadable: new Map(
      answers.flatMap(([name, answer]) => (answer.kind === 'partial' ? [[name, `${name}: ${answer.why}`] as const] : [])),
    ),
    memory: 'store',
  };
}

const stored = (series: StoredSeries): RawSeries => ({ ...series, origin: STORE });
