/** Selectors in PromQL, quoted. */

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
