import type { Logger } from 'pino';
import { prometheusSource } from '../providers/metrics/prometheus.js';
import { scrapeSource, type ScrapeOptions } from '../providers/metrics/scrape.js';
import type { MetricSource } from '../providers/ports.js';
import type { MetricsConnection } from '../spec/config-schema.js';
import type { Resolved } from '../spec/secrets.js';
import { makerOf } from './makers.js';

type Connection = Resolved<MetricsConnection>;
type Naming = Pick<Connection, 'labels' | 'names'>;
type Mapping = Pick<ScrapeOptions, 'labels' | 'metrics'>;

export function metricsMaker(logger: Logger): (connection: Connection) => MetricSource {
  const warn = (message: string): void => {
    logger.warn(message);
  };
  return makerOf<Connection, MetricSource>('metrics connection', {
    scrape: ({ urls, headers, timeout, ...naming }) =>
      scrapeSource({ ...mappingOf(naming), ...common(headers, timeout), urls: [...urls] }, { warn }),
    prometheus: ({ url, scrapeInterval, headers, timeout, ...naming }) =>
      prometheusSource({ ...mappingOf(naming), ...common(headers, timeout), url, scrapeIntervalMs: scrapeInterval }, { warn }),
  });
}

const common = (headers: Readonly<Record<string, string>> | undefined, timeout: number | undefined) => ({
  ...(headers === undefined ? {} : { headers: { ...headers } }),
  ...(timeout === undefined ? {} : { timeoutMs: timeout }),
});

/**
 * Without names of its own a service is measured by `sluice exporter`, whose names the adapters know. With them (level 0) each
 * named metric becomes a signal, and what is not named is not judged. 5xx are told by the label of the status code.
 */
export function mappingOf({ labels, names }: Naming): Mapping {
  if (labels === undefined && names === undefined) return {};
  // With labels alone, what is measured stays the exporter's, cut streams included.
  if (names === undefined) return { labels: labelsOf(labels) };
  const { requests, latency, coldStarts, queueAge, replays, duplicates } = names;
  const { code = 'code' } = labels ?? {};
  return {
    labels: labelsOf(labels),
    metrics: {
      ...(requests === undefined
        ? {}
        : { errors: { requests: { name: requests }, bad: { name: requests, where: { [code]: '5..' } } } }),
      ...(latency === undefined ? {} : { latency: { name: latency } }),
      ...(coldStarts === undefined || requests === undefined
        ? {}
        : { coldStarts: { requests: { name: requests }, bad: { name: coldStarts } } }),
      ...(queueAge === undefined ? {} : { queueAgeS: { name: queueAge } }),
      // A replay that was not answered from the record took effect twice.
      ...(replays === undefined || duplicates === undefined
        ? {}
        : { dedupe: { replays: { name: replays }, misses: { name: duplicates }, duplicateEffects: { name: duplicates } } }),
    },
  };
}

function labelsOf({ service, revision = 'revision', replica }: NonNullable<Naming['labels']> = {}): NonNullable<
  Mapping['labels']
> {
  return {
    ...(service === undefined ? {} : { service }),
    ...(replica === undefined ? {} : { replica }),
    revision: { [revision]: fieldFor(revision) },
  };
}

/** Labels that by their name hold what ships and not what runs. */
const RELEASE_LABELS: readonly string[] = ['release', 'release_id', 'version'];
const fieldFor = (label: string): 'release' | 'slot' => (RELEASE_LABELS.includes(label) ? 'release' : 'slot');
