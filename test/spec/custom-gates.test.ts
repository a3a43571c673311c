import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { GatePolicy } from '../../src/domain/policy.js';
import { parsePromQl } from '../../src/spec/promql.js';
import { CONFIG, configMessages, FIVE_LINES, messages, planOf, platform } from './fixtures.js';

const custom = (gates: string): string => `${FIVE_LINES}gates:\n  custom:\n${gates.replaceAll(/^/gm, '    ').trimEnd()}\n`;
const gateOf = (gates: string): GatePolicy | undefined =>
  planOf(custom(gates)).judge.gates.find(({ gate }) => gate.startsWith('custom:'));
/** Without the place, which one test below looks at. */
const found = (gates: string, given: Parameters<typeof messages>[1] = {}): readonly string[] =>
  messages(custom(gates), given).map((message) => message.replace(/^rollout\.yaml:\d+:\d+ gates\.custom\./, ''));

test('a pair of metrics is a gate of one’s own, judged against stable as the errors are', () => {
  assert.deepEqual(
    gateOf(
      'checkout: {bad: checkout_failed_total, all: {metric: checkout_total, where: {kind: "order|return"}}, tolerance: 0.2%}',
    ),
    {
      gate: 'custom:checkout',
      mode: 'sequential',
      tolerance: 0.002,
      required: false,
      consecutive: 3,
      measure: {
        source: 'prod-prom',
        kind: 'proportion',
        bad: { kind: 'metric', name: 'checkout_failed_total', where: {} },
        all: { kind: 'metric', name: 'checkout_total', where: { kind: 'order|return' } },
        comparison: 'stable',
      },
    },
  );
});

test('an expression is cut at its placeholders, each marked with how its value is to be escaped', () => {
  const gate = gateOf(`
checkout:
  source: prod-prom
  bad: 'checkout_total{service="{{service}}", version=~"{{release}}|x", ok="no"}'
  all: checkout_total{version="{{ revision }}"}
  tolerance: 1%
  comparison: absolute
  mode: observe
  required: true
  alpha: 20%`);
  assert.deepEqual([gate?.mode, gate?.required, gate?.share], ['observe', true, 0.2]);
  assert.deepEqual(gate?.measure, {
    source: 'prod-prom',
    kind: 'proportion',
    comparison: 'absolute',
    bad: {
      kind: 'promql',
      parts: [
        'checkout_total{service="',
        { fill: 'service', as: 'text' },
        '", version=~"',
        { fill: 'release', as: 'pattern' },
        '|x", ok="no"}',
      ],
    },
    all: { kind: 'promql', parts: ['checkout_total{version="', { fill: 'revision', as: 'text' }, '"}'] },
  });
});

test('a value is held to a threshold, literally', () => {
  const value = `histogram_quantile(0.9, sum by (le) (rate(x_bucket{version="{{release}}"}[{{window}}])))`;
  assert.deepEqual(gateOf(`slow: {value: '${value}', above: 0.8, consecutive: 5}`), {
    gate: 'custom:slow',
    mode: 'threshold',
    tolerance: 0.8,
    required: false,
    consecutive: 5,
    measure: {
      source: 'prod-prom',
      kind: 'value',
      value: {
        kind: 'promql',
        parts: [
          'histogram_quantile(0.9, sum by (le) (rate(x_bucket{version="',
          { fill: 'release', as: 'text' },
          '"}[',
          { fill: 'window', as: 'duration' },
          '])))',
        ],
      },
      fails: 'above',
    },
  });
  const cache = gateOf('cache: {value: hit_ratio, below: "-0.5", mode: observe}');
  assert.deepEqual(
    [cache?.tolerance, cache?.mode, cache?.measure?.kind === 'value' && cache.measure.fails],
    [-0.5, 'observe', 'below'],
  );
});

test('every mistake has its place, what was found and what is allowed', () => {
  assert.deepEqual(messages(custom('checkout: {bad: a_total, all: b_total}\nslow: {value: x, abov: 1}')), [
    'rollout.yaml:8:15 gates.custom.checkout: found no tolerance, expected a percentage with its sign, such as 0.2%; only you know how much is too much',
    'rollout.yaml:9:22 gates.custom.slow.abov: found an unknown key, expected a known key; did you mean above?',
  ]);
  for (const [gates, expected] of [
    [
      'x: {source: exporter, bad: a, all: b, tolerance: 1%}',
      /^x\.source: found "exporter", expected prod-prom; metrics of this rollout names the connections/,
    ],
    ['x: {bad: a, tolerance: 1%}', /^x: found bad without all, expected both, or none of them/],
    ['x: {tolerance: 1%}', /^x: found a gate without bad and all, expected both, or value/],
    ['x: {bad: a, all: b, tolerance: 1}', /^x\.tolerance: found 1, expected a percentage with its sign/],
    ['x: {bad: a, all: b, tolerance: 1%, above: 3}', /^x\.above: found 3, expected value beside it/],
    [
      'x: {bad: [], all: b, tolerance: 1%}',
      /^x\.bad: found an empty list, expected the name of a metric, \{metric, where\}, or PromQL that gives counters/,
    ],
    [
      'x: {bad: {metric: a, where: {code: "("}}, all: b, tolerance: 1%}',
      /^x\.bad\.where\.code: found "\(", expected a regular expression over the whole value/,
    ],
    ['x: {value: up}', /^x: found neither above nor below, expected one of above and below/],
    ['x: {value: up, above: 1, below: 0}', /^x\.below: found 0, expected one of above and below/],
    ['x: {value: up, above: much}', /^x\.above: found "much", expected a number/],
    ['x: {value: up, above: 1, tolerance: 1%}', /^x\.tolerance: found "1%", expected none beside value/],
    [
      'x: {value: up, above: 1, mode: sequential}',
      /^x\.mode: found "sequential", expected threshold, observe or off; a value is no sample/,
    ],
    [
      'x: {value: up, above: 1, alpha: 10%}',
      /^x\.alpha: found "10%", expected none beside value; a threshold on a value spends none/,
    ],
    [
      'x: {bad: "a + a", all: b, tolerance: 1%}',
      /^x\.bad: found "a \+ a", expected \{\{revision\}\} or \{\{release\}\} in it; the candidate is compared with stable/,
    ],
    [
      'x: {bad: "rate(a[5m])", all: b, tolerance: 1%}',
      /^x\.bad: found "rate\(a\[5m\]\)", expected counters that only grow; Sluice counts/,
    ],
    [
      `x: {bad: 'a{r="{{revision}}"} offset {{window}}', all: b, tolerance: 1%}`,
      /^x\.bad: found .*, expected \{\{window\}\} in brackets/,
    ],
    [
      `x: {bad: 'a{r="{{revison}}"}', all: b, tolerance: 1%}`,
      /^x\.bad: .*expected the placeholders \{\{service\}\}, \{\{environment\}\}, \{\{revision\}\}, \{\{release\}\}, \{\{window\}\}/,
    ],
    [`x: {bad: "a{r='{{revision}}'}", all: b, tolerance: 1%}`, /^x\.bad: .*expected \{\{revision\}\} inside double quotes/],
    [`x: {bad: 'a{{revision}}', all: b, tolerance: 1%}`, /^x\.bad: .*inside double quotes/],
    [`x: {value: 'a{r="b}', above: 1}`, /^x\.value: .*expected a " at the end/],
    [`x: {value: 'rate(a[5m', above: 1}`, /^x\.value: .*expected "\]\)" at the end, for the brackets that are open/],
    [`x: {value: 'rate(a))', above: 1}`, /^x\.value: .*expected a bracket before "\)" that this one closes/],
  ] as const) {
    const messagesOf = found(gates);
    assert.match(messagesOf[0] ?? 'nothing is wrong', expected, gates);
    assert.equal(messagesOf.length, 1, gates);
  }
});

test('gates come over those of a profile field by field, and may be switched off', () => {
  const by = platform(
    `${CONFIG}profiles:\n  ours: {extends: standard, gates: {custom: {checkout: {bad: a_total, all: b_total, tolerance: 1%}}}}\n`,
  );
  const withOurs = `${FIVE_LINES}profile: ours\n`;
  const names = (text: string) =>
    planOf(text, { platform: by }).judge.gates.map(({ gate, tolerance }) => `${gate} ${String(tolerance)}`);
  assert.ok(names(withOurs).includes('custom:checkout 0.01'));
  assert.ok(names(`${withOurs}gates: {custom: {checkout: {tolerance: 0.5%}}}\n`).includes('custom:checkout 0.005'));
  assert.ok(!names(`${withOurs}gates: {custom: {checkout: {mode: off}}}\n`).some((one) => one.startsWith('custom')));
  assert.deepEqual(
    configMessages(`${CONFIG}profiles:\n  ours: {extends: standard, gates: {custom: {checkout: {bad: a_total, all: b_total}}}}\n`)
      .length,
    1,
    'a profile must be sound by itself',
  );
});

test('a connection that is scraped evaluates nothing; one that knows a gate by its name needs no definition', () => {
  const config = CONFIG.replace(
    'urls: ["http://127.0.0.1:9105/metrics"]}',
    'urls: ["http://127.0.0.1:9105/metrics"], custom: {checkout: {bad: checkout_failed_total, all: checkout_total}}}',
  );
  const given = { platform: platform(config) };
  const scraped = (gates: string) => messages(custom(gates).replace('metrics: prod-prom', 'metrics: exporter'), given);
  assert.deepEqual(scraped('checkout: {tolerance: 0.5%}'), []);
  assert.deepEqual(scraped('own: {bad: a_total, all: b_total, tolerance: 0.5%}'), []);
  assert.match(
    scraped('chekout: {tolerance: 0.5%}')[0] ?? '',
    /metrics\.exporter\.custom of sluice\.config\.yaml knows checkout$/,
  );
  assert.match(
    scraped(`own: {bad: 'a{r="{{revision}}"}', all: b_total, tolerance: 0.5%}`)[0] ?? '',
    /own\.bad: found .*, expected the name of a metric or \{metric, where\}; exporter is scraped/,
  );
  assert.match(
    scraped('own: {value: up, above: 1}')[0] ?? '',
    /own\.value: found .*, expected a connection of the type prometheus/,
  );
});

test('drift, which samples nothing, has no part of alpha', () => {
  assert.match(messages(`${FIVE_LINES}gates: {drift: {alpha: 10%}}\n`)[0] ?? '', /gates\.drift\.alpha: found an unknown key/);
});

test('whatever the text, an expression is read without a throw, and put together again it is the same', () => {
  const piece = fc.constantFrom(
    'a',
    '{{revision}}',
    '{{window}}',
    '{{',
    '}}',
    '"',
    "'",
    '`',
    '\\',
    '[',
    ']',
    '~',
    '#',
    '\n',
    '{',
    '}',
  );
  fc.assert(
    fc.property(
      fc.array(piece, { maxLength: 30 }).map((pieces) => pieces.join('')),
      (text) => {
        const parsed = parsePromQl(text);
        if (parsed.kind === 'broken') return;
        const again = parsed.promQl.parts.map((part) => (typeof part === 'string' ? part : `{{${part.fill}}}`)).join('');
        assert.equal(again, text);
      },
    ),
    { numRuns: 2_000 },
  );
});
