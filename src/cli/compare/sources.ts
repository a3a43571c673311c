/** A metrics connection of the configuration, asked for two label sets in the place of its own labels. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Cursor, Reading } from '../../domain/reading.js';
import type { Target } from '../../domain/words.js';
import { EXPORTER_LABELS } from '../../providers/metrics/mapping.js';
import { prometheusSource, type PrometheusOptions } from '../../providers/metrics/prometheus.js';
import { scrapeSource } from '../../providers/metrics/scrape.js';
import { ProviderError } from '../../providers/errors.js';
import type { MeasuredPair, MetricSource } from '../../providers/ports.js';
import type { MetricsConnection } from '../../spec/config-schema.js';
import type { Resolved } from '../../spec/secrets.js';
import { mappingOf } from '../../worker/metric-sources.js';
import type { ComparedPair } from './label-sets.js';

type Connection = Resolved<MetricsConnection>;

/** An hour in one answer takes longer than a tick's. */
const PATIENT_MS = 30_000;
export interface Asked {
  readonly source: MetricSource;
  /** How fresh its samples are at best. */
  readonly intervalMs: number;
  /** An exporter's page is asked for one service at a time. */
  readonly wantsService: boolean;
  /** Absent: it has no past. */
  readonly past?: PrometheusOptions;
}

/** Without a service, the labels alone say whose metrics are meant. */
export function askedFor(
  connection: Connection,
  { revision, fixed }: Pick<ComparedPair, 'revision' | 'fixed'>,
  { service, warn }: { readonly service: string | undefined; readonly warn: (message: string) => void },
): Asked {
  const mapping = mappingOf(connection);
  const { service: serviceLabel, replica, fixed: always } = mapping.labels ?? EXPORTER_LABELS;
  const common = {
    ...mapping,
    labels: {
      ...(service === undefined || serviceLabel === undefined ? {} : { service: serviceLabel }),
      ...(replica === undefined ? {} : { replica }),
      revision: { ...revision },
      fixed: { ...always, ...fixed },
    },
    ...(connection.headers === undefined ? {} : { headers: { ...connection.headers } }),
  };
  switch (connection.type) {
    case 'scrape': {
      const { urls, timeout } = connection;
      const patience = timeout === undefined ? {} : { timeoutMs: timeout };
      return {
        source: scrapeSource({ ...common, ...patience, urls: [...urls] }, { warn }),
        intervalMs: 0,
        wantsService: mapping.metrics === undefined,
      };
    }
    case 'prometheus': {
      const { url, scrapeInterval, timeout = PATIENT_MS } = connection;
      const options = { ...common, timeoutMs: timeout, url, scrapeIntervalMs: scrapeInterval };
      return { source: prometheusSource(options, { warn }), intervalMs: scrapeInterval, wantsService: false, past: options };
    }
  }
}

/** What both sides do from now on, until the signal ends it. A read that fails for the moment is a tick without data. */
export async function* readingsFromNow(
  source: MetricSource,
  { target, pair, everyMs }: { readonly target: Target; readonly pair: MeasuredPair; readonly everyMs: number },
  signal: AbortSignal,
): AsyncGenerator<Reading> {
  let cursor: Cursor = 'begin';
  for (;;) {
    try {
      const answer = await source.read(target, pair, cursor, signal);
      cursor = answer.cursor;
      yield answer.reading;
    } catch (error) {
      if (!(error instanceof ProviderError) || error.kind === 'permanent' || cursor === 'begin') throw error;
      yield {};
    }
    await sleep(everyMs, undefined, { signal }).catch(() => undefined);
    if (signal.aborted) return;
  }
}
