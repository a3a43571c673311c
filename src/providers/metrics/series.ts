/** Raw series as a source found them, and the children (one label set of a family) that are counted. */
import { createHash } from 'node:crypto';
import type { Instant } from '../../domain/words.js';
import type { Vector } from './counters.js';
import type { Measure } from './mapping.js';
import { parseFloatStrictly, type Labels } from './text-format.js';

/** Who was asked for a series. */
export interface Origin {
  /** Short and without secrets: it goes into the cursor. */
  readonly key: string;
  /** Names the replica where no label does. */
  readonly replica: string | undefined;
  /** Id, slot or release of the one revision that is served here; undefined: labels tell. */
  readonly revision: string | undefined;
  /** The question was for this scope alone; undefined: labels tell. */
  readonly answers?: 'stable' | 'candidate';
}

/** Of a store, which is asked at one address for everything. */
export const STORE: Origin = { key: '', replica: undefined, revision: undefined };

export interface RawSeries {
  readonly labels: Labels;
  readonly origin: Origin;
  /** Oldest first. */
  readonly samples: readonly { readonly at: Instant; readonly value: number }[];
}

export interface Child {
  readonly labels: Labels;
  readonly origin: Origin;
  /** Oldest first; values that are no counts are left out. None left: the child cannot be read. */
  readonly samples: readonly { readonly at: Instant; readonly value: Vector }[];
  /** Upper bounds of the finite buckets in milliseconds; empty for a counter. */
  readonly boundsMs: Vector;
}

export function childrenOf(measure: Measure, series: readonly RawSeries[]): readonly Child[] {
  if (measure.bucketUnitMs === undefined) return series.map(counterChild);
  const unitMs = measure.bucketUnitMs;
  const groups = new Map<string, RawSeries[]>();
  for (const bucket of series) {
    const histogram = identity(bucket.labels, bucket.origin, 'le');
    groups.set(histogram, [...(groups.get(histogram) ?? []), bucket]);
  }
  return [...groups.values()].map((buckets) => histogramChild(buckets, unitMs));
}

/** The same for the same child in every read, whatever else the source serves. */
export function childKey(measure: Measure, child: Child): string {
  const digest = createHash('sha256')
    .update(measure.key)
    .update(identity(child.labels, child.origin, 'le'));
  return `${child.origin.key}/${digest.digest('base64url').slice(0, 12)}`;
}

function counterChild({ labels, origin, samples }: RawSeries): Child {
  const counts = samples.filter(({ value }) => isCount(value)).map(({ at, value }) => ({ at, value: [value] }));
  return { labels, origin, samples: counts, boundsMs: [] };
}

/** Buckets that disagree (a missing bound, two of the same, counts that fall as the bound rises) give no samples, never garbage. */
function histogramChild(buckets: readonly RawSeries[], unitMs: number): Child {
  const sorted = buckets
    .map((bucket) => ({ bucket, bound: parseFloatStrictly(bucket.labels.get('le') ?? '') ?? NaN }))
    .sort((a, b) => a.bound - b.bound);
  const bounds = sorted.map(({ bound }) => bound);
  const labels = new Map([...(buckets[0]?.labels ?? [])].filter(([name]) => name !== 'le'));
  const origin = buckets[0]?.origin ?? { key: '', replica: undefined, revision: undefined };
  const wellFormed =
    bounds.length > 1 &&
    bounds.at(-1) === Infinity &&
    bounds.every((bound, index) => index === 0 || bound > (bounds[index - 1] ?? NaN));
  return {
    labels,
    origin,
    samples: wellFormed ? aligned(sorted.map(({ bucket }) => bucket)) : [],
    // Twelve digits: 0.0011 s times 1,000 is 1.1 ms and not 1.1000000000000001, or a ratio of bounds would miss its bucket.
    boundsMs: bounds.slice(0, -1).map((bound) => Number((bound * unitMs).toPrecision(12))),
  };
}

/** One vector for each instant at which every bucket has a count, and no bucket has more than a wider one. */
function aligned(buckets: readonly RawSeries[]): Child['samples'] {
  const byInstant = new Map<Instant, number[]>();
  for (const { samples } of buckets) {
    for (const { at, value } of samples) {
      if (!isCount(value)) continue;
      const vector = byInstant.get(at);
      if (vector === undefined) byInstant.set(at, [value]);
      else vector.push(value);
    }
  }
  return [...byInstant]
    .filter(
      ([, value]) =>
        value.length === buckets.length && value.every((count, index) => index === 0 || count >= (value[index - 1] ?? NaN)),
    )
    .sort(([a], [b]) => a - b)
    .map(([at, value]) => ({ at, value }));
}

const isCount = (value: number): boolean => Number.isFinite(value) && value >= 0;

function identity(labels: Labels, origin: Origin, without: string): string {
  const named = [...labels].filter(([name, value]) => name !== without && value !== '').sort(([a], [b]) => (a < b ? -1 : 1));
  return JSON.stringify([origin.key, named]);
}
