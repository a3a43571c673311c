/** PromQL with values in it, each escaped for where it stands. */
import type { Placeholder, PromQl } from '../../domain/custom-measure.js';

export type Matcher = readonly [label: string, values: readonly string[]];

/** Series of `name` whose every label has one of its values. */
export function selectorOf(name: string, matchers: readonly Matcher[]): string {
  const inBraces = matchers.map(([label, values]) => {
    const [only = '', ...others] = [...new Set(values)];
    return others.length === 0 ? `${label}=${quoted(only)}` : `${label}=~${quoted([only, ...others].map(literal).join('|'))}`;
  });
  return `${name}{${inBraces.join(',')}}`;
}

/** Go's and JSON's double-quoted strings agree on every escape that JSON writes. */
const quoted = (text: string): string => JSON.stringify(text);

const literal = (text: string): string => text.replaceAll(/[\\.+*?()|[\]{}^$]/g, String.raw`\$&`);

/** In parentheses, and the last line ended, so that something may follow. */
export function filled({ parts }: PromQl, values: Readonly<Record<Placeholder['fill'], string>>): string {
  const text = parts.map((part) => (typeof part === 'string' ? part : escaped(values[part.fill], part.as)));
  return `(${text.join('')}\n)`;
}

function escaped(value: string, as: Placeholder['as']): string {
  if (as === 'duration') return value;
  return quoted(as === 'pattern' ? literal(value) : value).slice(1, -1);
}
