/** Counts of one look → a reading. A signal of which any part is absent is absent: never zero, never half. */
import type { ErrorCounts, PerRevision, RateCounts, Reading, Sample } from '../../domain/reading.js';
import type { Instant } from '../../domain/words.js';
import { belongs, passes } from './belonging.js';
import { countMeasure, newestOf, scopesOf, type Counted, type Looking } from './count.js';
import { perBucket } from './counters.js';
import { askedFor } from './mapping.js';

export interface Freshness {
  /** The source's clock now, which may be later than the look. */
  readonly now: Instant;
  /** For how long the source is known to have said nothing new, in milliseconds. */
  readonly silentMs: number;
  /** How far behind the newest a gauge's sample may be before its series counts as gone, in milliseconds. */
  readonly gaugeSpreadMs: number;
}

export interface Read {
  readonly reading: Reading;
  /** Why signals that the mapping asks for are absent. */
  readonly absent: readonly string[];
}

/** Counts every measure of the mapping into the tally, and says what it now stands at. */
export function readingOf(looking: Looking, freshness: Freshness): Read {
  const { tally, mapping } = looking;
  const { metrics, measures, proportions, values } = askedFor(mapping, looking.measured.pair);
  const { errors, latency, coldStarts, dedupe, schemaRefusals, stickiness } = metrics;
  const inSight = measures.filter((measure) => scopesOf(measure, looking).length > 0);
  const counted = new Map(inSight.map((measure) => [measure.key, countMeasure(measure, looking)]));
  const absent: string[] = [];

  const sample = <T>(signal: string, keys: readonly string[], value: () => T, isMissed = true): Sample<T> | undefined => {
    const parts = keys.flatMap((key) => counted.get(key) ?? []);
    const missing = parts.find((part): part is Counted & { kind: 'absent' } => part.kind === 'absent');
    if (missing !== undefined) {
      if (isMissed) absent.push(`${signal}: ${missing.why}`);
      return undefined;
    }
    return stamped(Math.min(...parts.map((part) => (part.kind === 'counted' ? part.newest : NaN))), value(), looking, freshness);
  };
  const count = (key: string, scope: 'stable' | 'candidate' | 'service'): number => tally.total(key, scope)[0] ?? 0;
  const both = <T>(of: (scope: 'stable' | 'candidate') => T): PerRevision<T> => ({
    stable: of('stable'),
    candidate: of('candidate'),
  });
  const proportion = (key: string): PerRevision<RateCounts> =>
    both((scope) => ({ requests: count(`${key}.requests`, scope), bad: count(`${key}.bad`, scope) }));

  return {
    absent,
    reading: present({
      errors:
        errors &&
        sample('errors', errorKeys(errors.cutStreams !== undefined), () => both((scope) => errorCounts(looking, scope))),
      latency:
        latency &&
        sample('latency', ['latency'], () => ({
          boundsMs: tally.measure('latency').boundsMs ?? [],
          counts: both((scope) => perBucket(tally.total('latency', scope))),
        })),
      coldStarts: coldStarts && sample('coldStarts', ['coldStarts.requests', 'coldStarts.bad'], () => proportion('coldStarts')),
      queueAgeS: queueAge(looking, freshness, absent),
      dedupe:
        dedupe &&
        sample('dedupe', ['dedupe.replays', 'dedupe.misses', 'dedupe.duplicateEffects'], () => ({
          replays: count('dedupe.replays', 'service'),
          misses: count('dedupe.misses', 'service'),
          duplicateEffects: count('dedupe.duplicateEffects', 'service'),
        })),
      schemaRefusals:
        schemaRefusals && sample('schemaRefusals', ['schemaRefusals'], () => both((scope) => count('schemaRefusals', scope))),
      stickiness:
        stickiness &&
        sample(
          'stickiness',
          ['stickiness.returns', 'stickiness.violations'],
          () => ({ returns: count('stickiness.returns', 'service'), violations: count('stickiness.violations', 'service') }),
          // No gate waits for it, and a router that does not look for it is no fault.
          false,
        ),
      custom: named([
        ...proportions
          .filter((name) => counted.has(`custom.${name}.bad`))
          .map((name) => {
            const key = `custom.${name}`;
            return [name, sample(`custom ${name}`, [`${key}.requests`, `${key}.bad`], () => proportion(key))] as const;
          }),
        ...(looking.stableOnly === true ? [] : values).map(
          ([name]) => [name, valueOf(name, looking, freshness, absent)] as const,
        ),
      ]),
    }),
  };
}

type Custom = NonNullable<Reading['custom']>;

function named(entries: readonly (readonly [name: string, sample: Custom[string] | undefined])[]): Custom | undefined {
  const known = entries.flatMap(([name, sample]) => (sample === undefined ? [] : [[name, sample] as const]));
  return entries.length === 0 ? undefined : Object.fromEntries(known);
}

/** One number, or no data: of several nobody could say which is meant, and NaN is what PromQL makes of no requests. */
function valueOf(name: string, looking: Looking, freshness: Freshness, absent: string[]): Sample<number> | undefined {
  const series = looking.look.series.get(valueKey(name)) ?? [];
  const [only, ...others] = series.flatMap(({ samples }) => samples.at(-1) ?? []);
  const why =
    looking.look.unreadable.get(valueKey(name)) ??
    (only === undefined || others.length > 0 ? `the expression gave ${String(series.length)} series, expected one` : undefined) ??
    (Number.isFinite(only?.value) ? undefined : `the expression gave ${String(only?.value)}`);
  if (why === undefined && only !== undefined) return stamped(only.at, only.value, looking, freshness);
  absent.push(`custom ${name}: ${why ?? ''}`);
  return undefined;
}

export const valueKey = (name: string): string => `custom.${name}.value`;

const errorKeys = (cutStreams: boolean): readonly string[] => [
  'errors.requests',
  'errors.bad',
  ...(cutStreams ? ['errors.cutStreams'] : []),
];

/** 5xx answers and cut streams are disjoint: a stream counts as cut only after a 200 (A23). */
function errorCounts({ tally, mapping }: Looking, scope: 'stable' | 'candidate'): ErrorCounts {
  const counts = (of: (key: string) => number): RateCounts => ({
    requests: of('errors.requests'),
    bad: of('errors.bad') + of('errors.cutStreams'),
  });
  const replicas = new Set(errorKeys(true).flatMap((key) => [...tally.byReplica(key, scope).keys()]));
  const byReplica = Object.fromEntries(
    [...replicas].map((replica) => [replica, counts((key) => tally.byReplica(key, scope).get(replica)?.[0] ?? 0)]),
  );
  return {
    ...counts((key) => tally.total(key, scope)[0] ?? 0),
    ...(mapping.metrics.errors?.cutStreams === undefined ? {} : { cutStreams: tally.total('errors.cutStreams', scope)[0] ?? 0 }),
    ...(replicas.size === 0 || replicas.has('') ? {} : { byReplica }),
  };
}

/** The oldest over all partitions; one whose series stopped before the others' is gone and counts no more (A10). */
function queueAge(looking: Looking, freshness: Freshness, absent: string[]): Sample<number> | undefined {
  const { look, mapping, measured } = looking;
  const gauge = mapping.metrics.queueAgeS;
  if (gauge === undefined) return undefined;
  const all = (look.series.get(gauge.name) ?? []).filter(
    (series) => belongs(series, 'service', 'exactly', measured) && passes(series.labels, gauge.where),
  );
  const newest = newestOf(all);
  const values = all.flatMap(({ samples }) => {
    const last = samples.at(-1);
    return last === undefined || newest === undefined || last.at < newest - freshness.gaugeSpreadMs ? [] : last.value;
  });
  const why =
    look.unreadable.get(gauge.name) ??
    (newest === undefined ? `no series of ${gauge.name}` : undefined) ??
    (values.every((value) => Number.isFinite(value) && value >= 0) ? undefined : `${gauge.name} is no age`);
  if (why !== undefined || newest === undefined) {
    absent.push(`queueAgeS: ${why ?? ''}`);
    return undefined;
  }
  return stamped(newest, Math.max(...values) / (gauge.unit === 'ms' ? 1_000 : 1), looking, freshness);
}

function stamped<T>(newest: Instant, value: T, { tally }: Looking, { now, silentMs }: Freshness): Sample<T> {
  return { at: newest, ageMs: Math.max(0, now - newest, silentMs), elapsedMs: Math.max(0, newest - tally.began), value };
}

type Present<T> = { [Key in keyof T]?: Exclude<T[Key], undefined> };

/** Without the entries that are undefined: an absent signal has no key. */
function present<T extends Readonly<Record<string, unknown>>>(entries: T): Present<T> {
  return Object.fromEntries(Object.entries(entries).filter(([, value]) => value !== undefined)) as Present<T>;
}
