import type { Placeholder, PromQl } from '../domain/custom-measure.js';

const IDENTITY = ['service', 'environment', 'revision', 'release'] as const satisfies readonly Placeholder['fill'][];
const LONGEST = 2_000;
const CLOSING: Readonly<Record<string, string>> = { '(': ')', '[': ']', '{': '}' };

export const PROMQL_PLACEHOLDERS = [...IDENTITY, 'window'].map((name) => `{{${name}}}`).join(', ');

type Parsed = { readonly kind: 'ok'; readonly promQl: PromQl } | { readonly kind: 'broken'; readonly expected: string };

/**
 * Cuts an expression at its placeholders. Whether it is PromQL only the server can say, and preflight asks it; here is seen
 * to that a value can never become more than a value: names stand inside double quotes, `{{window}}` inside brackets.
 */
export function parsePromQl(text: string): Parsed {
  const broken = (expected: string): Parsed => ({ kind: 'broken', expected });
  if (text.trim() === '' || text.length > LONGEST) return broken(`an expression of 1 to ${String(LONGEST)} characters`);
  const parts: (string | Placeholder)[] = [];
  let written = '';
  let quote: { readonly mark: string; readonly compared: 'text' | 'pattern' } | undefined;
  const open: string[] = [];
  for (let at = 0; at < text.length; at++) {
    const character = text[at] ?? '';
    if (text.startsWith('{{', at)) {
      const end = text.indexOf('}}', at);
      const fill = text.slice(at + 2, end < 0 ? undefined : end).trim();
      const isWindow = fill === 'window';
      if (end < 0 || !(isWindow || isIdentity(fill))) return broken(`the placeholders ${PROMQL_PLACEHOLDERS}`);
      if (isWindow && (quote !== undefined || !written.trimEnd().endsWith('[')))
        return broken('{{window}} in brackets: [{{window}}]');
      if (!isWindow && quote?.mark !== '"') return broken(`{{${fill}}} inside double quotes: revision="{{revision}}"`);
      parts.push(written, { fill, as: isWindow ? 'duration' : (quote?.compared ?? 'text') });
      written = '';
      at = end + 1;
      continue;
    }
    if (quote === undefined && character === '#') return broken('an expression without comments');
    if (quote !== undefined && character === '\\' && quote.mark !== '`') {
      written += character + (text[++at] ?? '');
      continue;
    }
    if (quote === undefined && character in CLOSING) open.push(CLOSING[character] ?? '');
    if (quote === undefined && ')]}'.includes(character) && open.pop() !== character)
      return broken(`a bracket before "${text.slice(at, at + 20)}" that this one closes`);
    if (quote === undefined && `"'\``.includes(character))
      quote = { mark: character, compared: written.trimEnd().endsWith('~') ? 'pattern' : 'text' };
    else if (character === quote?.mark) quote = undefined;
    written += character;
  }
  if (quote !== undefined) return broken(`a ${quote.mark} at the end of what another one begins`);
  if (open.length > 0) return broken(`"${open.toReversed().join('')}" at the end, for the brackets that are open`);
  return { kind: 'ok', promQl: { kind: 'promql', parts: [...parts, written].filter((part) => part !== '') } };
}

const isIdentity = (name: string): name is (typeof IDENTITY)[number] => (IDENTITY as readonly string[]).includes(name);

export const fillsOf = ({ parts }: PromQl): readonly Placeholder['fill'][] =>
  parts.flatMap((part) => (typeof part === 'string' ? [] : [part.fill]));
