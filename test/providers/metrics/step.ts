/** A step measured from pages of text, without a network: what the sources do between fetching and answering. */
import { z } from 'zod';
import type { Cursor, Reading } from '../../../src/domain/reading.js';
import { readingOf } from '../../../src/providers/metrics/assemble.js';
import { cursorAt, parseCursor } from '../../../src/providers/metrics/cursor.js';
import { mappingFields, type Mapping } from '../../../src/providers/metrics/mapping.js';
import type { RawSeries } from '../../../src/providers/metrics/series.js';
import { Tally } from '../../../src/providers/metrics/tally.js';
import { parseTextFormat } from '../../../src/providers/metrics/text-format.js';
import type { MeasuredPair } from '../../../src/providers/ports.js';

export const TARGET = { service: 'app', environment: 'test' };
export const PAIR: MeasuredPair = {
  stable: { id: 'blue', slot: 'blue', release: 'r1' },
  candidate: { id: 'green', slot: 'green', release: 'r2' },
};

const schema = z.strictObject(mappingFields);
export const mapping = (options: z.input<typeof schema> = {}): Mapping => schema.parse(options);

export interface Looked {
  readonly reading: Reading;
  readonly absent: readonly string[];
  readonly cursor: Cursor;
  readonly resets: number;
}

const origin = { key: 'one', replica: undefined, revision: undefined };

/** One look at a page, as the scraping source takes it. */
export function look(
  page: string,
  at: number,
  cursor: Cursor,
  options: { readonly mapping?: Mapping; readonly pair?: MeasuredPair } = {},
): Looked {
  const map = options.mapping ?? mapping();
  const { samples, declared } = parseTextFormat(page);
  const series = new Map<string, RawSeries[]>();
  for (const { name, labels, value, timestampMs } of samples) {
    series.set(name, [...(series.get(name) ?? []), { labels, origin, samples: [{ at: timestampMs ?? at, value }] }]);
  }
  const tally = new Tally(cursor === 'begin' ? cursorAt(at) : parseCursor(cursor));
  const { reading, absent } = readingOf(
    {
      measured: { target: TARGET, pair: options.pair ?? PAIR, labels: map.labels },
      mapping: map,
      look: { now: at, series, declared, unreadable: new Map(), memory: 'cursor' },
      tally,
      begins: cursor === 'begin',
    },
    { now: at, silentMs: 0, gaugeSpreadMs: Infinity },
  );
  const next = tally.toCursor({});
  return { reading, absent, cursor: next, resets: next.resets };
}

/** A base, and then a look at each further page. */
export function through(pages: readonly string[], options: Parameters<typeof look>[3] = {}): Looked {
  const [first = '', ...others] = pages;
  return others.reduce(
    (before, page, index) => look(page, 1_000 * (index + 1), before.cursor, options),
    look(first, 0, 'begin', options),
  );
}
