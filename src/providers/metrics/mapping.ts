/**
 * Which metric is which signal, and which label names the revision. One shape for every source that reads Prometheus
 * metrics; the defaults are the names of `sluice exporter`, so that with HAProxy nothing has to be configured. A service with
 * metrics of its own maps its names here (level 0, design.md §4).
 */
import { z } from 'zod';
import type { Counter, CustomMeasure, PromQl } from '../../domain/custom-measure.js';
import { permanent } from '../errors.js';
import type { MeasuredPair } from '../ports.js';

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
  stickiness: z.strictObject({ returns: selector, violations: selector }).optional(),
  custom: z.record(z.string().min(1), proportion).optional(),
});

export const EXPORTER_LABELS: z.input<typeof labels> = {
  service: 'service',
  revision: { revision: 'slot', release_id: 'release' },
  optional: ['release_id'],
};

export const EXPORTER_METRICS: z.input<typeof metrics> = {
  errors: {
    requests: { name: 'sluice_requests_total' },
    bad: { name: 'sluice_requests_total', where: { code: '5..' } },
    cutStreams: { name: 'sluice_streams_cut_total', where: { by: 'server' } },
  },
  latency: { name: 'sluice_latency_seconds', unit: 's' },
  stickiness: { returns: { name: 'sluice_sticky_returns_total' }, violations: { name: 'sluice_sticky_violations_total' } },
};

/** What a service shows that has the guard's metrics on. */
export const GUARD_LABELS: z.input<typeof labels> = {
  service: 'service',
  revision: { revision: 'slot', release_id: 'release' },
  // As Prometheus calls it; of a scraped page the address tells.
  replica: 'instance',
};

/** How old queues get is not among it: a service without a queue would be blind for ever. */
export const GUARD_METRICS: z.input<typeof metrics> = {
  errors: {
    requests: { name: 'sluice_guard_requests_total' },
    bad: { name: 'sluice_guard_requests_total', where: { code: '5..' } },
    cutStreams: { name: 'sluice_guard_streams_cut_total', where: { by: 'server' } },
  },
  latency: { name: 'sluice_guard_latency_seconds', unit: 's' },
  coldStarts: { requests: { name: 'sluice_guard_requests_total' }, bad: { name: 'sluice_guard_cold_starts_total' } },
  // A retry of an attempt that was lost has no record that could answer it: it is no replay (A14), and an identical release whose
  // clients retry its 5xx would fail by it.
  dedupe: {
    replays: { name: 'sluice_guard_events_total', where: { kind: 'replayed|duplicate-effect' } },
    misses: { name: 'sluice_guard_events_total', where: { kind: 'duplicate-effect' } },
    duplicateEffects: { name: 'sluice_guard_events_total', where: { kind: 'duplicate-effect' } },
  },
  schemaRefusals: { name: 'sluice_guard_schema_refusals_total' },
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
  /** Counted for each revision, for the candidate alone, or for the whole service. */
  readonly per: 'revision' | 'candidate' | 'service';
  /** Asked in place of the series' name, of a store that evaluates expressions. */
  readonly promQl?: PromQl;
}

/** The mapping with the rollout's own gates over it, those of the same name in place of the mapping's. */
export interface Asked {
  readonly metrics: Metrics;
  readonly measures: readonly Measure[];
  /** Names of the proportions that `measures` count under `custom.<name>`. */
  readonly proportions: readonly string[];
  /** Expressions of one value each, by the gate's name. */
  readonly values: readonly (readonly [name: string, promQl: PromQl])[];
}

export function askedFor({ metrics }: Mapping, { custom: own = {} }: MeasuredPair): Asked {
  const { custom: mapped = {}, ...signals } = metrics;
  const proportions = new Map(
    Object.entries(mapped).map(([name, one]): [string, readonly Measure[]] => [name, proportionOf(`custom.${name}`, one)]),
  );
  const values: (readonly [string, PromQl])[] = [];
  for (const [name, measure] of Object.entries(own)) {
    if (measure.kind === 'value') values.push([name, measure.value]);
    else proportions.set(name, ownProportion(name, measure, proportions.get(name)));
  }
  return {
    metrics: signals,
    measures: [...measuresOf(signals), ...[...proportions.values()].flat()],
    proportions: [...proportions.keys()],
    values,
  };
}

function ownProportion(
  name: string,
  measure: Exclude<CustomMeasure, { kind: 'value' }>,
  mapped: readonly Measure[] | undefined,
): readonly Measure[] {
  const per = measure.comparison === 'stable' ? 'revision' : 'candidate';
  if (measure.kind === 'proportion')
    return [ownCounter(`custom.${name}.requests`, measure.all, per), ownCounter(`custom.${name}.bad`, measure.bad, per)];
  if (mapped === undefined) throw permanent(`the source knows no gate "${name}" under metrics.custom; say bad and all`);
  return mapped.map((one) => ({ ...one, per }));
}

function ownCounter(key: string, one: Counter, per: Measure['per']): Measure {
  return one.kind === 'metric'
    ? counter(key, one, per)
    : { key, series: key, family: key, where: {}, bucketUnitMs: undefined, per, promQl: one };
}

/** Everything that the mapping asks to be counted. The gauge of the queue's age is not among it. */
function measuresOf(metrics: Metrics): readonly Measure[] {
  const { errors, latency, coldStarts, dedupe, schemaRefusals, stickiness, custom } = metrics;
  return [
    ...(errors ? [counter('errors.requests', errors.requests), counter('errors.bad', errors.bad)] : []),
    ...(errors?.cutStreams ? [counter('errors.cutStreams', errors.cutStreams)] : []),
    ...(latency ? [histogram('latency', latency, latency.unit)] : []),
    ...(coldStarts ? proportionOf('coldStarts', coldStarts) : []),
    ...(dedupe ? [counter('dedupe.replays', dedupe.replays, 'service'), counter('dedupe.misses', dedupe.misses, 'service')] : []),
    ...(dedupe ? [counter('dedupe.duplicateEffects', dedupe.duplicateEffects, 'service')] : []),
    ...(schemaRefusals ? [counter('schemaRefusals', schemaRefusals)] : []),
    ...(stickiness
      ? [
          counter('stickiness.returns', stickiness.returns, 'service'),
          counter('stickiness.violations', stickiness.violations, 'service'),
        ]
      : []),
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
