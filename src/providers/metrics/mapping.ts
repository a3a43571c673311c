/**
 * Which metric is which signal, and which label names the revision. One shape for every source that reads Prometheus
 * metrics; the defaults are the names of `sluice exporter`, so that with HAProxy nothing has to be configured. A service with
 * metrics of its own maps its names here (level 0, design.md §4).
 */
import { z } from 'zod';

const labelName = z.string().regex(/^[a-zA-Z_]\w*$/, 'expected a label name');
const metricName = z.string().regex(/^[a-zA-Z_:][\w:]*$/, 'expected a metric name');
const pattern = z.string().refine(isExpression, 'expected a regular expression');

/** A family and, where only a part of it counts, the label values that do: expressions over the whole value, as PromQL's `=~`. */
const selector = z.strictObject({ name: metricName, where: z.record(labelName, pattern).default({}) });
const proportion = z.strictObject({ requests: selector, bad: selector });

const labels = z.strictObject({
  /** Label that holds the service's name; leave it out where a source serves one service only. */
  service: labelName.optional(),
  environment: labelName.optional(),
  /** Labels that tell the revisions apart, and the field of the revision that each must equal. `slot` falls back on `id`. */
  revision: z.record(labelName, z.enum(['id', 'release', 'slot'])),
  /** Those of `revision` that a series may leave empty: an access log does not always know the release of a slot. */
  optional: z.array(labelName).default([]),
  /** Label that tells replicas of a revision apart: it lets the judge learn the dispersion (judge.md §1). */
  replica: labelName.optional(),
  /** Further labels and the values they must have. */
  fixed: z.record(labelName, z.string()).default({}),
});

const metrics = z.strictObject({
  /** `bad` are 5xx answers; streams cut after a 200 are added from `cutStreams` (A23). */
  errors: proportion.extend({ cutStreams: selector.optional() }).optional(),
  /** `name` without `_bucket`; `unit` is that of its `le` label. */
  latency: selector.extend({ unit: z.enum(['s', 'ms']).default('s') }).optional(),
  coldStarts: proportion.optional(),
  /** A gauge: age of the oldest message; over several series the largest counts (A10). */
  queueAgeS: selector.extend({ unit: z.enum(['s', 'ms']).default('s') }).optional(),
  dedupe: z.strictObject({ replays: selector, misses: selector, duplicateEffects: selector }).optional(),
  schemaRefusals: selector.optional(),
  custom: z.record(z.string().min(1), proportion).optional(),
});

const EXPORTER_LABELS: z.input<typeof labels> = {
  service: 'service',
  revision: { revision: 'slot', release_id: 'release' },
  optional: ['release_id'],
};

const EXPORTER_METRICS: z.input<typeof metrics> = {
  errors: {
    requests: { name: 'sluice_requests_total' },
    bad: { name: 'sluice_requests_total', where: { code: '5..' } },
    cutStreams: { name: 'sluice_streams_cut_total', where: { by: 'server' } },
  },
  latency: { name: 'sluice_latency_seconds', unit: 's' },
};

/** The fields that every source of Prometheus metrics shares. */
export const mappingFields = {
  labels: labels.prefault(EXPORTER_LABELS),
  metrics: metrics.prefault(EXPORTER_METRICS),
  /**
   * A family that exists and has no series of a revision means 0 for it. Say so only where the counters of a revision are
   * born at its start; otherwise a revision without a series is no data. A family that never showed itself is never 0.
   */
  startsAtZero: z.boolean().default(false),
};

export type Mapping = z.output<z.ZodObject<typeof mappingFields>>;
export type LabelMap = Mapping['labels'];
type Selector = z.output<typeof selector>;
type Metrics = Mapping['metrics'];

/** Something to count: a counter, or the buckets of a histogram. */
export interface Measure {
  /** Names the measure in the cursor: the signal and the role in it. */
  readonly key: string;
  /** As its series are called: with `_bucket` for a histogram. */
  readonly series: string;
  /** As a `# TYPE` line calls it. */
  readonly family: string;
  readonly where: Readonly<Record<string, string>>;
  /** What one unit of `le` is worth in milliseconds; undefined for a counter. */
  readonly bucketUnitMs: number | undefined;
  /** Counted for each revision, or for the whole service. */
  readonly per: 'revision' | 'service';
}

/** Everything that the mapping asks to be counted. The gauge of the queue's age is not among it. */
export function measuresOf(metrics: Metrics): readonly Measure[] {
  const { errors, latency, coldStarts, dedupe, schemaRefusals, custom } = metrics;
  return [
    ...(errors ? [counter('errors.requests', errors.requests), counter('errors.bad', errors.bad)] : []),
    ...(errors?.cutStreams ? [counter('errors.cutStreams', errors.cutStreams)] : []),
    ...(latency ? [histogram('latency', latency, latency.unit)] : []),
    ...(coldStarts ? proportionOf('coldStarts', coldStarts) : []),
    ...(dedupe ? [counter('dedupe.replays', dedupe.replays, 'service'), counter('dedupe.misses', dedupe.misses, 'service')] : []),
    ...(dedupe ? [counter('dedupe.duplicateEffects', dedupe.duplicateEffects, 'service')] : []),
    ...(schemaRefusals ? [counter('schemaRefusals', schemaRefusals)] : []),
    ...Object.entries(custom ?? {}).flatMap(([name, one]) => proportionOf(`custom.${name}`, one)),
  ];
}

function proportionOf(key: string, one: z.output<typeof proportion>): Measure[] {
  return [counter(`${key}.requests`, one.requests), counter(`${key}.bad`, one.bad)];
}

function counter(key: string, { name, where }: Selector, per: Measure['per'] = 'revision'): Measure {
  return { key, series: name, family: name, where, bucketUnitMs: undefined, per };
}

function histogram(key: string, { name, where }: Selector, unit: 's' | 'ms'): Measure {
  return { key, series: `${name}_bucket`, family: name, where, bucketUnitMs: unit === 's' ? 1_000 : 1, per: 'revision' };
}

function isExpression(text: string): boolean {
  try {
    new RegExp(text);
    return true;
  } catch {
    return false;
  }
}
