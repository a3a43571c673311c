/** What a store is asked for: as few questions as both revisions and all measures can share. */
import type { Instant, Target } from '../../domain/words.js';
import type { MeasuredPair } from '../ports.js';
import { valueKey } from './assemble.js';
import { fieldOf, required } from './belonging.js';
import { scopesOf } from './count.js';
import type { CountingCursor } from './cursor.js';
import { askedFor, type Mapping, type Measure } from './mapping.js';
import { filled, selectorOf, type Matcher } from './promql.js';
import { STORE, type Origin } from './series.js';

export interface Family {
  /** As measures call its series. */
  readonly name: string;
  readonly selector: string;
  readonly origin: Origin;
  /** `counters`: its samples are asked for. `value`: what it is at one instant. */
  readonly kind: 'counters' | 'value';
  /** Samples after this instant are not counted yet. */
  readonly upTo: Instant;
  /**
   * What stands in brackets behind the selector. An expression is evaluated once a scrape, at instants that do not move from
   * look to look, or what lies between two of them would be counted twice.
   */
  readonly overAll: (ms: number) => string;
}

interface Question {
  readonly target: Target;
  readonly pair: MeasuredPair;
  readonly base: CountingCursor;
  /** What `{{window}}` stands for. */
  readonly windowMs: number;
  /** A look-back: the candidate's series are no part of it, and need not exist yet. */
  readonly stableOnly: boolean;
}

export function familiesOf(mapping: Mapping & { readonly scrapeIntervalMs: number }, question: Question): readonly Family[] {
  const { metrics, measures, values } = askedFor(mapping, question.pair);
  const inSight = measures.filter((measure) => scopesOf(measure, question).length > 0);
  const gauge = metrics.queueAgeS === undefined ? [] : [{ series: metrics.queueAgeS.name, per: 'service' as const }];
  return [
    ...stored([...inSight, ...gauge], mapping, question),
    ...inSight.flatMap((measure) => expressions(measure, mapping, question)),
    ...(question.stableOnly ? [] : values).map(([name, promQl]): Family => ({
      name: valueKey(name),
      selector: filled(promQl, fillsFor('candidate', question)),
      origin: STORE,
      kind: 'value',
      upTo: Infinity,
      overAll: inMs,
    })),
  ];
}

/** One question a family, for both revisions and all values of the labels that `where` looks at. */
function stored(
  uses: readonly (Pick<Measure, 'series' | 'per'> & Partial<Measure>)[],
  { labels }: Mapping,
  { target, pair, base, stableOnly }: Question,
): readonly Family[] {
  const revisions = stableOnly ? [pair.stable] : [pair.stable, pair.candidate];
  const ofService = required(target, labels).map(([label, value]): Matcher => [label, [value]]);
  const ofRevisions = Object.entries(labels.revision)
    .filter(([label]) => !labels.optional.includes(label))
    .map(([label, field]): Matcher => [label, revisions.map((revision) => fieldOf(revision, field))]);
  const named = uses.filter(({ promQl }) => promQl === undefined);
  return [...new Set(named.map(({ series }) => series))].map((name) => {
    const mine = named.filter(({ series }) => series === name);
    const wide = mine.some(({ per }) => per === 'service');
    const counted = mine.flatMap(({ key }) => (key === undefined ? [] : upTo(key, base)));
    return {
      name,
      selector: selectorOf(name, wide ? ofService : [...ofService, ...ofRevisions]),
      origin: STORE,
      kind: 'counters',
      upTo: Math.min(...(counted.length === 0 ? [Infinity] : counted)),
      overAll: inMs,
    };
  });
}

/** An expression is asked once for each revision, with its names in it. */
function expressions(
  measure: Measure,
  { scrapeIntervalMs }: { readonly scrapeIntervalMs: number },
  question: Question,
): readonly Family[] {
  const { key, series, promQl } = measure;
  if (promQl === undefined) return [];
  return scopesOf(measure, question).flatMap((scope): readonly Family[] =>
    scope === 'service'
      ? []
      : [
          {
            name: series,
            selector: filled(promQl, fillsFor(scope, question)),
            origin: { ...STORE, key: scope, answers: scope },
            kind: 'counters',
            upTo: upTo(key, question.base),
            overAll: (ms) => `${inMs(ms)}:${inMs(scrapeIntervalMs)}`,
          },
        ],
  );
}

function fillsFor(scope: 'stable' | 'candidate', { target, pair, windowMs }: Question) {
  const revision = pair[scope];
  return { ...target, revision: fieldOf(revision, 'slot'), release: revision.release, window: inMs(windowMs) };
}

const upTo = (key: string, { began, measures }: CountingCursor): Instant => measures[key]?.upTo ?? began;

const inMs = (ms: number): string => `${String(ms)}ms`;
