/**
 * Metrics from Prometheus, or whatever speaks its HTTP API. Raw samples are read and their steps summed, for `increase()`
 * extrapolates (peers-on-machine.md §6). Both revisions come from one query at one instant, a scrape interval back, so that
 * every target has been scraped by then (judge.md §4.3).
 *
 * What this cannot see: events between a process's last scrape and its death. Name one server and not a balancer over
 * several, each with scrapes of its own: every hop between them may lose or repeat the events of one scrape interval.
 */
import { setImmediate as yieldToOthers } from 'node:timers/promises';
import { z } from 'zod';
import type { Cursor, Reading } from '../../domain/reading.js';
import type { Instant, Target } from '../../domain/words.js';
import { ProviderError } from '../errors.js';
import type { LookedBack, MeasuredPair, MetricSource, Observation } from '../ports.js';
import { readingOf } from './assemble.js';
import type { Look } from './count.js';
import { cursorAt, parseCursor } from './cursor.js';
import { familiesOf, type Family } from './families.js';
import { httpFields, httpUrl, together } from './http.js';
import { mappingFields } from './mapping.js';
import { looksBack, type Past } from './past.js';
import { prometheusApi, type Answered, type Api, type StoredSeries } from './prometheus-api.js';
import type { RawSeries } from './series.js';
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
/**
 * Blocks of a look-back: of 5 s in an hour. Bursts are learnt over the length of a block, and over 30 s they look smaller than
 * they are (docs/judge.md).
 */
const MOST_BLOCKS = 720;

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

  async read(target: Target, pair: MeasuredPair, cursor: Cursor, signal: AbortSignal): Promise<Observation> {
    const before = cursor === 'begin' ? undefined : parseCursor(cursor);
    const now = await this.#api.now(signal);
    const at = now - this.options.scrapeIntervalMs;
    const base = before ?? cursorAt(at);
    const windowMs = Math.max(at - base.began, SCRAPES_BEFORE * this.options.scrapeIntervalMs);
    const families = familiesOf(this.options, { target, pair, base, windowMs, stableOnly: false });
    const answers = await together(
      signal,
      families.map((family) => async (stop: AbortSignal) => [family, await this.#family(family, at, stop)] as const),
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
    return { reading, cursor: tally.toCursor({}), absent };
  }

  /**
   * Stable at equal distances through the last `spanMs`. A family that cannot be had (its answer is too large, say) is left out
   * and told; when none can be had, the look-back fails as a read does.
   */
  async lookBack(target: Target, pair: MeasuredPair, _cursor: Cursor, spanMs: number, signal: AbortSignal): Promise<LookedBack> {
    const { scrapeIntervalMs, labels } = this.options;
    const at = (await this.#api.now(signal)) - scrapeIntervalMs;
    const stepMs = Math.max(scrapeIntervalMs, Math.ceil(spanMs / MOST_BLOCKS));
    const from = at - Math.floor(spanMs / stepMs) * stepMs;
    const base = cursorAt(from);
    const families = familiesOf(this.options, { target, pair, base, windowMs: spanMs, stableOnly: true });
    const answers = await together(
      signal,
      families.map((family) => async (stop: AbortSignal) => [family, await this.#past(family, from, at, stepMs, stop)] as const),
    );
    const [failure] = answers.flatMap(([, answer]) => (answer instanceof ProviderError ? [answer] : []));
    if (failure !== undefined && answers.every(([, answer]) => answer instanceof ProviderError)) throw failure;
    const tally = new Tally(base);
    const absences = new Set<string>();
    const readings: Reading[] = [];
    for (const look of looksBack(answers, from, at, stepMs)) {
      const measured = { target, pair, labels };
      const looking = { measured, mapping: this.options, look, tally, begins: look.now === from, stableOnly: true };
      const { reading, absent } = readingOf(looking, { now: look.now, silentMs: 0, gaugeSpreadMs: stepMs });
      for (const why of absent) absences.add(why);
      if (look.now > from) readings.push(reading);
      // An hour of many replicas takes a second to count, and a lease may want to be renewed meanwhile.
      await yieldToOthers();
    }
    for (const why of absences) this.warn(`no look-back for ${target.service}: ${why}`);
    return { readings };
  }

  /** Where each series stood before the span, whoever was away just then, and its values through it. */
  async #past(
    { selector, overAll }: Family,
    from: Instant,
    to: Instant,
    stepMs: number,
    signal: AbortSignal,
  ): Promise<Past | ProviderError> {
    try {
      return await together(signal, [
        (stop) => this.#api.query(`last_over_time(${selector}[${overAll(this.options.lookBackMs)}])`, from, stop),
        (stop) => this.#api.range(selector, from + stepMs, to, stepMs, stop),
      ]);
    } catch (error) {
      if (error instanceof ProviderError && !signal.aborted) return error;
      throw error;
    }
  }

  /** Samples since the last look and a few before it. A series without any of the latter is looked for further back. */
  async #family({ selector, upTo, overAll, kind }: Family, at: Instant, signal: AbortSignal): Promise<Answered> {
    const { scrapeIntervalMs, lookBackMs } = this.options;
    if (kind === 'value') return this.#api.query(selector, at, signal);
    const from = Math.min(upTo, at) - SCRAPES_BEFORE * scrapeIntervalMs;
    const recent = await this.#api.query(`${selector}[${overAll(at - from)}]`, at, signal);
    if (recent.kind === 'partial' || recent.series.every(({ samples }) => (samples[0]?.at ?? at) <= upTo)) return recent;
    const earlier = await this.#api.query(`last_over_time(${selector}[${overAll(lookBackMs)}])`, from, signal);
    if (earlier.kind === 'partial') return earlier;
    return { kind: 'whole', series: continued(recent.series, earlier.series, from) };
  }
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

function lookOf(at: Instant, answers: readonly (readonly [Family, Answered])[]): Look {
  const series = new Map<string, RawSeries[]>();
  for (const [{ name, origin }, answer] of answers) {
    const found = answer.kind === 'whole' ? answer.series.map((one) => ({ ...one, origin })) : [];
    series.set(name, [...(series.get(name) ?? []), ...found]);
  }
  return {
    now: at,
    series,
    declared: new Set(),
    unreadable: new Map(
      answers.flatMap(([{ name }, answer]) => (answer.kind === 'partial' ? [[name, `${name}: ${answer.why}`] as const] : [])),
    ),
    memory: 'store',
  };
}
