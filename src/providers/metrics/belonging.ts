/** Which series belongs to which of the two revisions. */
import type { PerRevision } from '../../domain/reading.js';
import type { Revision, Target } from '../../domain/words.js';
import type { MeasuredPair } from '../ports.js';
import type { LabelMap } from './mapping.js';
import type { RawSeries } from './series.js';
import type { Labels } from './text-format.js';

/** For whom something is counted: one of the two revisions, or the service as a whole. */
export type Scope = keyof PerRevision<unknown> | 'service';

export interface Measured {
  readonly target: Target;
  readonly pair: MeasuredPair;
  readonly labels: LabelMap;
}

/**
 * `exactly`: the series is the scope's. `knowingly`: it says that the source knows the scope, whatever the optional labels
 * say: an exporter that shows the slot under another release has had no request of this one, which is 0 and not "no data".
 */
export function belongs(
  series: RawSeries,
  scope: Scope,
  how: 'exactly' | 'knowingly',
  { target, pair, labels }: Measured,
): boolean {
  if (series.origin.answers !== undefined) return series.origin.answers === scope;
  if (!isOfService(series.labels, target, labels)) return false;
  if (scope === 'service') return true;
  const revision = pair[scope];
  const { origin } = series;
  if (origin.revision !== undefined) return [revision.id, revision.slot, revision.release].includes(origin.revision);
  return Object.entries(labels.revision).every(([name, field]) => {
    const value = series.labels.get(name) ?? '';
    if (labels.optional.includes(name) && (how === 'knowingly' || value === '')) return true;
    return value === fieldOf(revision, field);
  });
}

export const fieldOf = (revision: Revision, field: 'id' | 'release' | 'slot'): string =>
  field === 'slot' ? (revision.slot ?? revision.id) : revision[field];

/** The values, other than the revision's, that a label must have. */
export function required(target: Target, labels: LabelMap): readonly (readonly [label: string, value: string])[] {
  return [
    ...(labels.service === undefined ? [] : [[labels.service, target.service] as const]),
    ...(labels.environment === undefined ? [] : [[labels.environment, target.environment] as const]),
    ...Object.entries(labels.fixed),
  ];
}

function isOfService(labels: Labels, target: Target, map: LabelMap): boolean {
  return required(target, map).every(([name, value]) => (labels.get(name) ?? '') === value);
}

/** All label values match their expressions, each over its whole length, as PromQL's `=~`. */
export function passes(labels: Labels, where: Readonly<Record<string, string>>): boolean {
  return Object.entries(where).every(([name, expression]) => new RegExp(`^(?:${expression})$`, 's').test(labels.get(name) ?? ''));
}

export const replicaOf = ({ labels, origin }: { labels: Labels; origin: RawSeries['origin'] }, map: LabelMap): string =>
  (map.replica === undefined ? undefined : labels.get(map.replica)) ?? origin.replica ?? '';
