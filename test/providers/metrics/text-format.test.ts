import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { parseTextFormat, TextFormatError } from '../../../src/providers/metrics/text-format.js';

const one = (line: string): unknown => {
  const [sample] = parseTextFormat(`${line}\n`).samples;
  return sample && { ...sample, labels: Object.fromEntries(sample.labels) };
};

test('a line is a name, labels, a value and perhaps a time', () => {
  assert.deepEqual(one('up 1'), { name: 'up', labels: {}, value: 1, timestampMs: undefined });
  assert.deepEqual(one('a:b_c{x="1",y="2",} 1.5e3 1700000000123'), {
    name: 'a:b_c',
    labels: { x: '1', y: '2' },
    value: 1500,
    timestampMs: 1_700_000_000_123,
  });
  assert.deepEqual(one('  a { x = "1" , y="2" }\t-.5 \r'), {
    name: 'a',
    labels: { x: '1', y: '2' },
    value: -0.5,
    timestampMs: undefined,
  });
  assert.deepEqual(one('a{x="1"}2'), { name: 'a', labels: { x: '1' }, value: 2, timestampMs: undefined });
});

test('label values hold whatever is escaped, braces and commas included', () => {
  assert.deepEqual(one(String.raw`a{x="}\"\\\n, =",y="é😀"} 1`), {
    name: 'a',
    labels: { x: '}"\\\n, =', y: 'é😀' },
    value: 1,
    timestampMs: undefined,
  });
});

test('NaN and the infinities are values', () => {
  const values = parseTextFormat('a NaN\nb +Inf\nc -Inf\nd Inf\n').samples.map(({ value }) => value);
  assert.deepEqual(values, [NaN, Infinity, -Infinity, Infinity]);
});

test('a declared family is known without a series; comments and empty lines are nothing', () => {
  const { samples, declared } = parseTextFormat(
    '# HELP a_total things\n# TYPE a_total counter\n#\n# just a comment { } \n\n#TYPE\n',
  );
  assert.deepEqual([samples, [...declared]], [[], ['a_total']]);
});

for (const [what, text] of [
  ['a page of HTML', '<html><body>502 Bad Gateway</body></html>\n'],
  ['a body that was cut in the middle of a value', 'a_total 12'],
  ['a value that is no number', 'a_total twelve\n'],
  ['hexadecimal', 'a_total 0x10\n'],
  ['a name without a value', 'a_total\n'],
  ['a value without a space before it', 'a_total1\n'],
  ['an open quote', 'a{x="1} 2\n'],
  ['a label without quotes', 'a{x=1} 2\n'],
  ['labels without a comma', 'a{x="1"y="2"} 2\n'],
  ['the same label twice', 'a{x="1",x="2"} 2\n'],
  ['the same series twice', 'a{x="1"} 2\na{x="1"} 3\n'],
  ['a time that is no whole number', 'a 1 2.5\n'],
  ['a fourth word', 'a 1 2 3\n'],
  ['JSON', '{"a": 1}\n'],
] as const) {
  test(`${what} is an error, never "no series"`, () => {
    assert.throws(() => parseTextFormat(text), TextFormatError);
  });
}

const labelName = fc.stringMatching(/^[a-zA-Z_]\w{0,8}$/);
const series = fc.record({
  name: fc.stringMatching(/^[a-zA-Z_:][\w:]{0,12}$/),
  labels: fc.uniqueArray(fc.tuple(labelName, fc.string({ unit: 'grapheme' })), { selector: ([name]) => name, maxLength: 4 }),
  value: fc.double(),
  timestampMs: fc.option(fc.integer(), { nil: undefined }),
});

test('what is written is read again, whatever the labels hold', () => {
  fc.assert(
    fc.property(fc.uniqueArray(series, { selector: ({ name, labels }) => JSON.stringify([name, labels]) }), (all) => {
      const escape = (text: string): string => text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
      const lines = all.map(({ name, labels, value, timestampMs }) => {
        const braces = labels.length === 0 ? '' : `{${labels.map(([label, text]) => `${label}="${escape(text)}"`).join(',')}}`;
        return `${name}${braces} ${String(value).replace('Infinity', 'Inf')}${timestampMs === undefined ? '' : ` ${String(timestampMs)}`}\n`;
      });
      const read = parseTextFormat(lines.join('')).samples.map((sample) => ({ ...sample, labels: [...sample.labels] }));
      assert.deepEqual(
        read,
        all.map((sample) => ({ ...sample, value: sample.value === 0 ? Number(String(sample.value)) : sample.value })),
      );
    }),
  );
});

test('any other text is read or refused with a TextFormatError, and never hangs', () => {
  const pieces = fc.array(
    fc.constantFrom('a', '{', '}', '"', '\\', ',', '=', ' ', '\t', '\n', '#', '1', '+Inf', 'NaN', '# TYPE a counter\n', 'é'),
    { maxLength: 40 },
  );
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        pieces.map((parts) => parts.join('')),
      ),
      (text) => {
        try {
          parseTextFormat(text);
        } catch (error) {
          assert.ok(error instanceof TextFormatError);
        }
      },
    ),
  );
  const begun = performance.now();
  for (const line of [
    `a{${'x="1",'.repeat(50_000)}`,
    `a{${'"'.repeat(100_001)}`,
    `a${' '.repeat(200_000)}x`,
    `a ${'1 '.repeat(100_000)}`,
    `a{x="${'\\"'.repeat(100_000)}`,
  ]) {
    assert.throws(() => parseTextFormat(`${line}\n`), TextFormatError);
  }
  assert.ok(performance.now() - begun < 2_000, 'lines are read in linear time');
});
