import type { Logger } from 'pino';
import { EXPORTER_LABELS, EXPORTER_METRICS, GUARD_LABELS, GUARD_METRICS } from '../providers/metrics/mapping.js';
import { prometheusSource } from '../providers/metrics/prometheus.js';
import { scrapeSource, type ScrapeOptions } from '../providers/metrics/scrape.js';
import type { MetricSource } from '../providers/ports.js';
import type { MetricsConnection } from '../spec/config-schema.js';
import type { Resolved } from '../spec/secrets.js';
import { makerOf } from './makers.js';

type Connection = Resolved<MetricsConnection>;
type Naming = Pick<Connection, 'from' | 'labels' | 'names' | 'custom' | 'startsAtZero'>;
type Mapping = Pick<ScrapeOptions, 'labels' | 'metrics' | 'startsAtZero'>;
type Metrics = NonNullable<Mapping['metrics']>;
type Labels = NonNullable<Mapping['labels']>;

export function metricsMaker(logger: Logger): (connection: Connection) => MetricSource {
  const warn = (message: string): void => {
    logger.warn(message);
  };
  return makerOf<Connection, MetricSource>('metrics connection', {
    scrape: ({ urls, headers, timeout, serviceParameter, ...naming }) => {
      // The exporter knows the parameter.
      const asked = serviceParameter ?? (presetOf(naming) === EXPORTER ? 'service' : undefined);
      const own = asked === undefined ? {} : { serviceParameter: asked };
      return scrapeSource({ ...mappingOf(naming), ...common(headers, timeout), ...own, urls: [...urls] }, { warn });
    },
    prometheus: ({ url, scrapeInterval, headers, timeout, ...naming }) =>
      prometheusSource({ ...mappingOf(naming), ...common(headers, timeout), url, scrapeIntervalMs: scrapeInterval }, { warn }),
  });
}

const common = (headers: Readonly<Record<string, string>> | undefined, timeout: number | undefined) => ({
  ...(headers === undefined ? {} : { headers: { ...headers } }),
  ...(timeout === undefined ? {} : { timeoutMs: timeout }),
});

interface Preset {
  readonly labels: Labels;
  readonly metrics: Metrics;
}

const EXPORTER: Preset = { labels: EXPORTER_LABELS, metrics: EXPORTER_METRICS };
const GUARD: Preset = { labels: GUARD_LABELS, metrics: GUARD_METRICS };

/** Undefined: a service with metrics of its own. */
function presetOf({ from, names }: Pick<Naming, 'from' | 'names'>): Preset | undefined {
  if (from === 'guard') return GUARD;
  return from === 'exporter' || names === undefined ? EXPORTER : undefined;
}

/**
 * Without names of its own a service is measured by `sluice exporter`, whose names the adapters know. With them (level 0) each
 * named metric becomes a signal, and what is not named is not judged. 5xx are told by the label of the status code.
 */
export function mappingOf({ from, labels, names, custom, startsAtZero }: Naming): Mapping {
  const metrics = metricsOf({ from, labels, names, custom });
  const preset = presetOf({ from, names });
  return {
    ...(labels === undefined && preset === EXPORTER ? {} : { labels: labelsOf(labels, preset) }),
    ...(metrics === undefined ? {} : { metrics }),
    ...(startsAtZero === undefined ? {} : { startsAtZero }),
  };
}

/** Undefined: what is measured stays the exporter's, cut streams included. */
function metricsOf({ from, labels, names, custom }: Omit<Naming, 'startsAtZero'>): Metrics | undefined {
  const preset = presetOf({ from, names });
  if (preset === EXPORTER && names === undefined && custom === undefined) return undefined;
  const own = Object.entries(custom ?? {}).map(
    ([name, { all, bad }]) => [name, { requests: select(all), bad: select(bad) }] as const,
  );
  return {
    ...preset?.metrics,
    ...(names === undefined ? {} : namedMetrics(names, labels?.code ?? 'code')),
    ...(own.length === 0 ? {} : { custom: Object.fromEntries(own) }),
  };
}

function namedMetrics(names: NonNullable<Naming['names']>, code: string): Metrics {
  const {
    requests,
    errors,
    cutStreams,
    latency,
    coldStarts,
    queueAge,
    replays,
    duplicates,
    schemaRefusals,
    stickyReturns,
    stickyViolations,
  } = names;
  return {
    ...(requests === undefined
      ? {}
      : {
          errors: {
            requests: select(requests),
            bad: errors === undefined ? narrowed(select(requests), { [code]: '5..' }) : select(errors),
            ...(cutStreams === undefined ? {} : { cutStreams: select(cutStreams) }),
          },
        }),
    ...(latency === undefined ? {} : { latency: measured(latency) }),
    ...(coldStarts === undefined || requests === undefined
      ? {}
      : { coldStarts: { requests: select(requests), bad: select(coldStarts) } }),
    ...(queueAge === undefined ? {} : { queueAgeS: measured(queueAge) }),
    // A replay that was not answered from the record took effect twice.
    ...(replays === undefined || duplicates === undefined
      ? {}
      : { dedupe: { replays: select(replays), misses: select(duplicates), duplicateEffects: select(duplicates) } }),
    ...(schemaRefusals === undefined ? {} : { schemaRefusals: select(schemaRefusals) }),
    ...(stickyReturns === undefined || stickyViolations === undefined
      ? {}
      : { stickiness: { returns: select(stickyReturns), violations: select(stickyViolations) } }),
  };
}

interface Selection {
  readonly metric: string;
  readonly where?: Readonly<Record<string, string>> | undefined;
}

interface Selector {
  name: string;
  where?: Record<string, string>;
}

function select(written: string | Selection): Selector {
  if (typeof written === 'string') return { name: written };
  const { metric, where } = written;
  return { name: metric, ...(where === undefined ? {} : { where: { ...where } }) };
}

const narrowed = ({ name, where }: Selector, further: Record<string, string>): Selector => ({
  name,
  where: { ...where, ...further },
});

function measured(written: string | (Selection & { readonly unit?: 's' | 'ms' | undefined })): Selector & { unit?: 's' | 'ms' } {
  const unit = typeof written === 'string' ? undefined : written.unit;
  return { ...select(written), ...(unit === undefined ? {} : { unit }) };
}

/** Where the revision's label is not named, it is the one that belongs to the metrics. */
function labelsOf(labels: Naming['labels'], preset: Preset | undefined): Labels {
  const { service, environment, revision, replica, fixed } = labels ?? {};
  const base: Labels =
    preset !== undefined && revision === undefined
      ? preset.labels
      : { revision: { [revision ?? 'revision']: fieldFor(revision ?? 'revision') } };
  return {
    ...base,
    ...(service === undefined ? {} : { service }),
    ...(environment === undefined ? {} : { environment }),
    ...(replica === undefined ? {} : { replica }),
    ...(fixed === undefined ? {} : { fixed: { ...fixed } }),
  };
}

/** Labels that by their name hold what ships and not what runs. */
const RELEASE_LABELS: readonly string[] = ['release', 'release_id', 'version'];
const fieldFor = (label: string): 'release' | 'slot' => (RELEASE_LABELS.includes(label) ? 'release' : 'slot');
