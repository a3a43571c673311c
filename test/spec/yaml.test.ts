import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { renderProblem } from '../../src/spec/problems.js';
import { readYaml } from '../../src/spec/yaml.js';
import { configMessages, FIVE_LINES, messages, parse } from './fixtures.js';

function problemsOf(text: string): readonly string[] {
  return readYaml(text, { file: 'f.yaml', env: {}, showsSubstituted: true }).problems.map(renderProblem);
}

test('values know their line and column, missing ones that of the mapping that should have them', () => {
  const { tree } = readYaml('a:\n  b: [1, two]\n  "c d": x\n', { file: 'f.yaml', env: {}, showsSubstituted: true });
  const at = (...path: (string | number)[]): string => {
    const position = tree.positionOf(path);
    return position.kind === 'file' ? `${position.line}:${position.column}` : '--set';
  };
  assert.deepEqual([at('a', 'b', 1), at('a', 'c d'), at('a', 'x'), at('y')], ['2:10', '3:10', '2:3', '1:1']);
});

test('YAML that is broken is reported where it breaks', () => {
  assert.deepEqual(problemsOf('a: 1\na: 2\n'), [
    'f.yaml:2:1: found broken YAML, expected one YAML mapping; Map keys must be unique',
  ]);
  assert.match(problemsOf('a: [1\nb: 2\n')[0] ?? '', /^f\.yaml:\d+:\d+: found broken YAML, expected one YAML mapping; /);
  assert.match(problemsOf('--- a\n--- b\n')[0] ?? '', /multiple documents/);
});

test('anything but one mapping is refused', () => {
  assert.deepEqual(problemsOf(''), ['f.yaml:1:1: found an empty file, expected one YAML mapping']);
  assert.deepEqual(problemsOf('# only words\n'), ['f.yaml:1:1: found an empty file, expected one YAML mapping']);
  assert.deepEqual(problemsOf('- a\n'), ['f.yaml:1:1: found no mapping, expected one YAML mapping']);
});

test('tags and keys that are no text are refused', () => {
  assert.deepEqual(problemsOf('a: !!js/function x\nb: !!binary aGk=\n1: x\n'), [
    'f.yaml:1:18 a: found the tag tag:yaml.org,2002:js/function, expected plain YAML without tags',
    'f.yaml:2:13 b: found the tag tag:yaml.org,2002:binary, expected plain YAML without tags',
    'f.yaml:3:1 ["1"]: found a key that is no plain text, expected a key that is text',
  ]);
});

test('anchors may be used, but not to unfold without end', () => {
  const { tree, problems } = readYaml('a: &x {b: 1}\nc: *x\n', { file: 'f.yaml', env: {}, showsSubstituted: true });
  assert.deepEqual([problems.length, tree.get(['c', 'b'])], [0, 1]);
  assert.match(problemsOf('a: &x [*x]\n').join(), /found a file that unfolds without end/);
  const laughs = [
    'a0: &a0 [x,x,x,x,x,x,x,x,x,x]',
    ...[1, 2, 3, 4, 5, 6, 7, 8, 9].map(
      (n) =>
        `a${n}: &a${n} [${Array(9)
          .fill(`*a${n - 1}`)
          .join(',')}]`,
    ),
  ].join('\n');
  assert.equal(problemsOf(laughs).filter((problem) => problem.includes('unfolds without end')).length, 1);
  assert.match(problemsOf('a: *nobody\n').join(), /found the alias \*nobody without an anchor/);
});

test('a file that would exhaust the parser is refused before it is parsed', () => {
  for (const text of [
    '['.repeat(100_000),
    ']['.repeat(5_000),
    '{a: '.repeat(5_000),
    '- '.repeat(20_000),
    '? '.repeat(20_000),
    `${']'.repeat(500)}${'['.repeat(5_000)}`,
  ]) {
    assert.match(problemsOf(`a: ${text}`).join(), /found (a file nested too deeply|broken YAML)/);
  }
  // Closed brackets are what made the parser end the process.
  assert.match(problemsOf(`a: ${'['.repeat(50_000)}${']'.repeat(50_000)}`).join(), /found a file nested too deeply/);
  const stairs = Array.from({ length: 500 }, (_, depth) => `${' '.repeat(depth)}a:`).join('\n');
  assert.match(problemsOf(stairs).join(), /found a file nested too deeply/);
  assert.match(problemsOf(`a: ${'x'.repeat(300_000)}`).join(), /found a file of 300003 characters, expected at most 131072/);
});

test('a file of one line is as good as one of many', () => {
  const names = Array.from({ length: 100 }, (_, k) => `"m${String(k)}":{"type":"scrape","urls":["http://127.0.0.1:9/metrics"]}`);
  const text = `{"environments":{"dev":{"production":false}},"metrics":{${names.join(',')}},"routers":{}}`;
  assert.doesNotMatch(configMessages(text).join(), /nested/);
});

test('keys that objects have by birth are keys like any other', () => {
  assert.deepEqual(
    messages(`${FIVE_LINES}__proto__: {soak: 1s}\nconstructor: 1\n`).map((message) => message.slice(0, 58)),
    ['rollout.yaml:6:1 __proto__: found an unknown key, expected', 'rollout.yaml:7:1 constructor: found an unknown key, expect'],
  );
});

test('no text throws: it is a plan, or it has problems that each fit on one line', () => {
  const word = fc.constantFrom(
    'service',
    'environment',
    'candidate',
    'steps',
    'gates',
    'errors',
    'profile',
    'limits',
    'weight',
    'changeWindows',
    'days',
    '__proto__',
    'toString',
    '<<',
  );
  const sign = fc.constantFrom(
    ': ',
    '\n',
    '\n  ',
    '- ',
    '[',
    ']',
    '{',
    '}',
    ', ',
    '"',
    "'",
    '#',
    '&a ',
    '*a',
    '!!',
    '!',
    '|\n',
    '>\n',
    '---\n',
    '...\n',
    '%YAML 1.1\n',
    '\t',
    '? ',
    '${A}',
    '${',
    '$${',
    '~',
    '.nan',
    '1e999',
    '-1',
    '5%',
    '10m',
    '2020-01-01',
    '0x1F',
    '\u0000',
    '\u2028',
  );
  const soup = fc.array(fc.oneof(word, sign, fc.string({ maxLength: 3 })), { maxLength: 40 }).map((parts) => parts.join(''));
  const grown = fc
    .tuple(fc.nat({ max: FIVE_LINES.length }), soup)
    .map(([at, noise]) => FIVE_LINES.slice(0, at) + noise + FIVE_LINES.slice(at));
  const json = fc.jsonValue().map(
    (value) =>
      `${FIVE_LINES}${JSON.stringify({
        gates: value,
        steps: value,
        limits: value,
        changeWindows: value,
        capacity: value,
        notify: value,
      })
        .slice(1, -1)
        .replaceAll(/,"(steps|limits|changeWindows|capacity|notify)":/g, '\n$1: ')
        .replace('"gates":', 'gates: ')}\n`,
  );
  fc.assert(
    fc.property(fc.oneof(fc.string(), soup, grown, json), (text) => {
      const parsed = parse(text);
      if (parsed.kind === 'ok') return;
      assert.ok(parsed.problems.length > 0);
      for (const problem of parsed.problems)
        assert.match(
          renderProblem(problem),
          /^(rollout\.yaml:\d+:\d+|--set)( \S.*)?: found [^\p{Cc}\p{Zl}]+, expected [^\p{Cc}\p{Zl}]+$/u,
        );
    }),
    { numRuns: 1_000 },
  );
});
