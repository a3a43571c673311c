/** What a store remembers of a family → looks as a source without memory would have had them, so that both are counted alike. */
import type { Instant } from '../../domain/words.js';
import { ProviderError } from '../errors.js';
import type { Look } from './count.js';
import type { Family } from './families.js';
import type { Answered, StoredSeries } from './prometheus-api.js';
import type { Origin, RawSeries } from './series.js';

/** The last value of each series before the span, and its values at equal distances through it. */
export type Past = readonly Answered[];

/** One look for each instant of a look-back, each series with the one sample that it had then. */
export function* looksBack(
  answers: readonly (readonly [family: Pick<Family, 'name' | 'origin'>, past: Past | ProviderError])[],
  from: Instant,
  to: Instant,
  stepMs: number,
): Generator<Look> {
  const unreadable = new Map(
    answers.flatMap(([{ name }, past]) => {
      const why = whyUnreadable(past);
      return why === undefined ? [] : [[name, `${name}: ${why}`] as const];
    }),
  );
  const readable = answers.flatMap(([{ name, origin }, past]) =>
    past instanceof ProviderError || unreadable.has(name) ? [] : [[name, samplesByInstant(past, origin, from)] as const],
  );
  for (let now = from; now <= to; now += stepMs) {
    const series = new Map<string, readonly RawSeries[]>();
    for (const [name, byInstant] of readable) series.set(name, [...(series.get(name) ?? []), ...(byInstant.get(now) ?? [])]);
    yield { now, series, declared: new Set(), unreadable, memory: 'cursor' };
  }
}

function whyUnreadable(past: Past | ProviderError): string | undefined {
  if (past instanceof ProviderError) return past.message;
  return past.flatMap((answer) => (answer.kind === 'partial' ? [answer.why] : []))[0];
}

function samplesByInstant([before, since]: Past, origin: Origin, from: Instant): ReadonlyMap<Instant, readonly RawSeries[]> {
  const found = new Map<Instant, RawSeries[]>();
  const place = (labels: StoredSeries['labels'], at: Instant, value: number): void => {
    const one: RawSeries = { labels, origin, samples: [{ at, value }] };
    const others = found.get(at);
    if (others === undefined) found.set(at, [one]);
    else others.push(one);
  };
  for (const { labels, samples } of seriesIn(before)) place(labels, from, samples[0]?.value ?? NaN);
  for (const { labels, samples } of seriesIn(since)) for (const { at, value } of samples) place(labels, at, value);
  return found;
}

const seriesIn = (answer: Answered | undefined): readonly StoredSeries[] => (answer?.kind === 'whole' ? answer.series : []);
