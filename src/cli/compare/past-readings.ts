/** Both sides of a comparison through the past of a store: one question for both, so that they are never of different instants (judge.md §4.3). */
import type { Reading } from '../../domain/reading.js';
import type { Target } from '../../domain/words.js';
import { readingOf } from '../../providers/metrics/assemble.js';
import { cursorAt } from '../../providers/metrics/cursor.js';
import { familiesOf } from '../../providers/metrics/families.js';
import { together } from '../../providers/metrics/http.js';
import { looksBack, type Past } from '../../providers/metrics/past.js';
import { prometheusApi } from '../../providers/metrics/prometheus-api.js';
import { prometheusOptions, type PrometheusOptions } from '../../providers/metrics/prometheus.js';
import { Tally } from '../../providers/metrics/tally.js';
import type { MeasuredPair } from '../../providers/ports.js';

export interface PastReadings {
  /** Cumulative since the span began, oldest first. */
  readonly readings: readonly Reading[];
  /** Why signals are absent. */
  readonly absent: readonly string[];
}

/** Looks at a span: enough for the judge to learn how the errors burst. */
const MOST_LOOKS = 120;

export async function pastReadings(
  given: PrometheusOptions,
  target: Target,
  pair: MeasuredPair,
  spanMs: number,
  signal: AbortSignal,
): Promise<PastReadings> {
  const options = prometheusOptions.parse(given);
  const api = prometheusApi(options.url, options);
  const to = (await api.now(signal)) - options.scrapeIntervalMs;
  const stepMs = Math.max(options.scrapeIntervalMs, Math.ceil(spanMs / MOST_LOOKS));
  const from = to - Math.max(1, Math.floor(spanMs / stepMs)) * stepMs;
  const base = cursorAt(from);
  const families = familiesOf(options, { target, pair, base, windowMs: spanMs, stableOnly: false });
  const answers = await together(
    signal,
    families.map((family) => async (stop: AbortSignal) => {
      const { selector, kind, overAll } = family;
      const before = kind === 'value' ? selector : `last_over_time(${selector}[${overAll(options.lookBackMs)}])`;
      const past: Past = await together(stop, [
        (one) => api.query(before, from, one),
        (one) => api.range(selector, from + stepMs, to, stepMs, one),
      ]);
      return [family, past] as const;
    }),
  );
  const tally = new Tally(base);
  const measured = { target, pair, labels: options.labels };
  const looks = [...looksBack(answers, from, to, stepMs)].map((look) =>
    readingOf(
      { measured, mapping: options, look, tally, begins: look.now === from },
      { now: look.now, silentMs: 0, gaugeSpreadMs: stepMs },
    ),
  );
  return { readings: looks.slice(1).map(({ reading }) => reading), absent: looks.at(-1)?.absent ?? [] };
}
