/**
 * Prometheus text exposition (version 0.0.4) → samples. Strict on purpose: a page that is not an exposition, a value that is
 * no number or a body that was cut short is an error and never "no series", because a missing series may read as zero.
 */

/** Label name → value. A label that is not there and an empty one are the same to Prometheus. */
export type Labels = ReadonlyMap<string, string>;

interface TextSample {
  readonly name: string;
  readonly labels: Labels;
  /** May be NaN or infinite: whoever counts decides. */
  readonly value: number;
  /** Milliseconds since the epoch, only where the line carries a time. */
  readonly timestampMs: number | undefined;
}

export interface Exposition {
  readonly samples: readonly TextSample[];
  /** Families that a `# TYPE` line declared, with or without a series. */
  readonly declared: ReadonlySet<string>;
}

export class TextFormatError extends Error {
  override readonly name = 'TextFormatError';
}

const NAME = /[a-zA-Z_:][\w:]*/y;
const LABELS = /\{((?:[^"}]|"(?:[^"\\]|\\.)*")*)\}/y;
const PAIR = /[ \t]*([a-zA-Z_]\w*)[ \t]*=[ \t]*"((?:[^"\\]|\\.)*)"[ \t]*(?:,|$)[ \t]*/y;
const NUMBER = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?$/i;
const INFINITE = /^([+-]?)inf(?:inity)?$/i;
const NO_LABELS: Labels = new Map();
const FORM = 'name{label="value",…} value [milliseconds]';

/** Throws a `TextFormatError` that names the line and what stands there. */
export function parseTextFormat(text: string): Exposition {
  if (text !== '' && !text.endsWith('\n')) {
    throw new TextFormatError('the exposition does not end with a line feed: it was cut short, or it is no text exposition');
  }
  const samples: TextSample[] = [];
  const declared = new Set<string>();
  const seen = new Set<string>();
  for (const [index, raw] of text.split('\n').entries()) {
    const line = raw.trim();
    if (line === '') continue;
    if (!line.startsWith('#')) {
      const { sample, series } = parseSample(line, index + 1);
      if (seen.has(series)) throw unexpected(line, index + 1, 'every series once');
      seen.add(series);
      samples.push(sample);
    } else {
      const [, keyword, family] = line.split(/[ \t]+/, 3);
      if (keyword === 'TYPE' && family !== undefined) declared.add(family);
    }
  }
  return { samples, declared };
}

function parseSample(line: string, number: number): { readonly sample: TextSample; readonly series: string } {
  const name = matchAt(NAME, line, 0)?.[0];
  if (name === undefined) throw unexpected(line, number, FORM);
  let end = name.length;
  while (line[end] === ' ' || line[end] === '\t') end++;
  const braces = matchAt(LABELS, line, end);
  const separated = end > name.length || braces !== undefined;
  end += braces?.[0].length ?? 0;
  const [value = '', time, more] = line
    .slice(end)
    .trim()
    .split(/[ \t]+/, 3);
  if (!separated || value === '' || more !== undefined || !/^(?:-?\d+)?$/.test(time ?? '')) throw unexpected(line, number, FORM);
  const sample = {
    name,
    labels: braces === undefined ? NO_LABELS : parseLabels(braces[1] ?? '', line, number),
    value: parseValue(value, line, number),
    timestampMs: time === undefined ? undefined : Number(time),
  };
  return { sample, series: line.slice(0, end) };
}

/** The match that begins exactly at `index`. Sticky expressions keep every line linear in its length. */
function matchAt(expression: RegExp, text: string, index: number): RegExpExecArray | undefined {
  expression.lastIndex = index;
  return expression.exec(text) ?? undefined;
}

function parseLabels(text: string, line: string, number: number): Labels {
  const labels = new Map<string, string>();
  for (let index = 0; index < text.length;) {
    const match = matchAt(PAIR, text, index);
    if (match === undefined) {
      if (text.trim() === '') break;
      throw unexpected(line, number, 'labels as name="value", separated by commas');
    }
    index += match[0].length;
    const [, name = '', value = ''] = match;
    if (labels.has(name)) throw unexpected(line, number, `the label ${name} once`);
    labels.set(
      name,
      value.replaceAll(/\\([\\"n])/g, (_, escaped: string) => (escaped === 'n' ? '\n' : escaped)),
    );
  }
  return labels;
}

/** A float as Go writes one, the three special values included. Also used for the `le` of a bucket. */
export function parseFloatStrictly(text: string): number | undefined {
  if (NUMBER.test(text)) return Number(text);
  const infinite = INFINITE.exec(text);
  if (infinite !== null) return infinite[1] === '-' ? -Infinity : Infinity;
  return /^nan$/i.test(text) ? NaN : undefined;
}

function parseValue(text: string, line: string, number: number): number {
  const value = parseFloatStrictly(text);
  if (value === undefined) throw unexpected(line, number, 'a number, NaN, +Inf or -Inf');
  return value;
}

function unexpected(line: string, number: number, expected: string): TextFormatError {
  return new TextFormatError(`line ${String(number)}: found ${JSON.stringify(line.slice(0, 120))}, expected ${expected}`);
}
