/**
 * One look at the metrics → counts since the step began. Pure; the same for every source.
 *
 * The rule that decides what is a zero (A8, A10, "absent is never zero"): a measure counts only when the source knows every
 * scope that it is counted for. Knowing means a series of the scope, under whatever optional labels and whatever label
 * values `where` leaves out, or a family that is declared and, by configuration, starts at zero.
 */
import type { Instant } from '../../domain/words.js';
import { permanent } from '../errors.js';
import { belongs, passes, replicaOf, type Measured, type Scope } from './belonging.js';
import { increaseOver, zeros, type Increase, type Vector } from './counters.js';
import type { Mapping, Measure } from './mapping.js';
import { childKey, childrenOf, type Child, type RawSeries } from './series.js';
import type { Tally } from './tally.js';

/** What a source saw in one look. */
export interface Look {
  /** Of the look, by the source's clock. */
  readonly now: Instant;
  /** By the name that the series have. */
  readonly series: ReadonlyMap<string, readonly RawSeries[]>;
  readonly declared: ReadonlySet<string>;
  /** Names that were not read whole, and why. */
  readonly unreadable: ReadonlyMap<string, string>;
  /**
   * Who remembers the samples before this look. `cursor`: each series has one sample, the present one. `store`: each has
   * those up to the last look as well, at least one of them where there ever was one.
   */
  readonly memory: 'cursor' | 'store';
}

export type Counted = { readonly kind: 'counted'; readonly newest: Instant } | { readonly kind: 'absent'; readonly why: string };

export interface Looking {
  readonly measured: Measured;
  readonly mapping: Mapping;
  readonly look: Look;
  readonly tally: Tally;
  /** The first look of a step takes the base. */
  readonly begins: boolean;
  /** A look-back: the candidate is not looked for, and counts 0. */
  readonly stableOnly?: boolean;
}

interface Found {
  readonly scope: Scope;
  readonly children: readonly Child[];
  /** Newest sample of whatever shows that the source knows the scope; undefined: nothing shows it. */
  readonly newest: Instant | undefined;
}

/**
 * Adds what happened since the last look to the tally. A source that remembers is counted whole or not at all, for the next
 * look carries what this one left; of one that does not, every child that can be read is counted now.
 */
export function countMeasure(measure: Measure, looking: Looking): Counted {
  const { look, tally, mapping } = looking;
  const unreadable = look.unreadable.get(measure.series);
  if (unreadable !== undefined) return absent(unreadable);
  const found = scopesOf(measure, looking).map((scope) => find(measure, scope, looking));
  fixBounds(measure, found, looking);
  const state = tally.measure(measure.key);
  const steps = found.flatMap(({ scope, children }) =>
    children.map((child) => ({ scope, child, step: stepOf(measure, child, looking) })),
  );
  const [why] = [
    ...found.flatMap(({ scope, newest }) => (newest === undefined ? [`no series of ${measure.series} for ${scope}`] : [])),
    ...steps.flatMap(({ step }) => (typeof step === 'string' ? [step] : [])),
    ...(measure.bucketUnitMs !== undefined && state.boundsMs === undefined ? [`no buckets in ${measure.series}`] : []),
  ];
  for (const { scope, child, step } of why === undefined || look.memory === 'cursor' ? steps : []) {
    if (typeof step === 'string') continue;
    tally.add(measure.key, scope, replicaOf(child, mapping.labels), step.by);
    tally.noteFalls(child.origin.key, step.resets);
  }
  if (why !== undefined) return absent(why);
  if (look.memory === 'store') state.upTo = Math.max(state.upTo ?? tally.began, look.now);
  return { kind: 'counted', newest: Math.min(...found.map(({ newest }) => newest ?? look.now)) };
}

const absent = (why: string): Counted => ({ kind: 'absent', why });

/** Empty: a look-back has nothing of it. */
export function scopesOf({ per }: Pick<Measure, 'per'>, { stableOnly = false }: Pick<Looking, 'stableOnly'>): readonly Scope[] {
  if (per === 'service') return ['service'];
  if (per === 'candidate') return stableOnly ? [] : ['candidate'];
  return stableOnly ? ['stable'] : ['stable', 'candidate'];
}

function find(measure: Measure, scope: Scope, { look, measured, mapping, stableOnly = false }: Looking): Found {
  const all = look.series.get(measure.series) ?? [];
  const known = all.filter((series) => belongs(series, scope, 'knowingly', measured));
  const mine = known.filter((series) => belongs(series, scope, 'exactly', measured));
  if (scope === 'stable' && !stableOnly && mine.some((series) => belongs(series, 'candidate', 'exactly', measured))) {
    const { stable, candidate } = measured.pair;
    throw permanent(
      `a series of ${measure.series} belongs to both revisions (${stable.id} of ${stable.release} and ${candidate.id} of ${candidate.release}): ` +
        `the labels ${Object.keys(mapping.labels.revision).join(', ') || '(none)'} do not tell them apart; map a label that does`,
    );
  }
  const children = childrenOf(
    measure,
    mine.filter((series) => passes(series.labels, measure.where)),
  );
  return {
    scope,
    children,
    newest: newestOf(known) ?? (isZeroByConfiguration(measure, all, look, mapping) ? look.now : undefined),
  };
}

function isZeroByConfiguration(measure: Measure, all: readonly RawSeries[], look: Look, { startsAtZero }: Mapping): boolean {
  return startsAtZero && (all.length > 0 || look.declared.has(measure.family));
}

/** The newest sample; undefined where there is no series. A series whose samples are all NaN still shows itself. */
export function newestOf(series: readonly RawSeries[]): Instant | undefined {
  const instants = series.flatMap(({ samples }) => samples.at(-1)?.at ?? []);
  return instants.length === 0 ? undefined : Math.max(...instants);
}

/** The first bounds that a histogram shows in a step are its bounds for the step. */
function fixBounds(measure: Measure, found: readonly Found[], { tally }: Looking): void {
  if (measure.bucketUnitMs === undefined) return;
  const state = tally.measure(measure.key);
  state.boundsMs ??= found.flatMap(({ children }) => children.filter(({ samples }) => samples.length > 0))[0]?.boundsMs;
}

/** What the child did since the last look, or why that cannot be said. */
function stepOf(measure: Measure, child: Child, looking: Looking): Increase | string {
  const present = child.samples.at(-1)?.value;
  if (present === undefined) return withoutStep(measure, child, looking, `a series of ${measure.series} is no count`);
  if (!isSame(child.boundsMs, looking.tally.measure(measure.key).boundsMs ?? [])) {
    return withoutStep(measure, child, looking, `the bucket bounds of ${measure.series} changed, or differ between series`);
  }
  return looking.look.memory === 'store' ? sinceStored(measure, child, looking) : sinceCursor(measure, child, present, looking);
}

/** Stands for a child that could not be counted when it was first seen: no data until the next step, for base 0 would count its past. */
const NO_BASE: Vector = [];

function withoutStep(measure: Measure, child: Child, { look, tally }: Looking, why: string): string {
  const key = childKey(measure, child);
  if (look.memory === 'cursor' && !tally.last.has(key)) tally.last.set(key, NO_BASE);
  return why;
}

function sinceCursor(measure: Measure, child: Child, present: Vector, { tally, begins }: Looking): Increase | string {
  const key = childKey(measure, child);
  const known = tally.last.get(key);
  if (known?.length === 0) return `a series of ${measure.series} has no base in this step`;
  tally.last.set(key, present);
  return increaseOver(begins ? present : known, [present]);
}

function sinceStored(measure: Measure, child: Child, { tally }: Looking): Increase {
  const upTo = tally.measure(measure.key).upTo ?? tally.began;
  const previous = child.samples.filter(({ at }) => at <= upTo).at(-1)?.value;
  const increase = increaseOver(
    previous,
    child.samples.filter(({ at }) => at > upTo).map(({ value }) => value),
  );
  return increase.by.length === 0 ? { by: zeros(child.boundsMs.length + 1), resets: 0 } : increase;
}

function isSame(a: Vector, b: Vector): boolean {
  return a.length === b.length && a.every((value, index) => value === b[index]);
}
