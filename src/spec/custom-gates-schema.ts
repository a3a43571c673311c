/** How a gate of the user’s own is written: `gates.custom`. */
import { z } from 'zod';
import type { Counter, PromQl } from '../domain/custom-measure.js';
import type { GateMode } from '../domain/policy.js';
import { choice, count, flag, name, section, share, text } from './fields.js';
import { parsePromQl } from './promql.js';

const MODES = ['sequential', 'threshold', 'observe', 'off'] as const satisfies readonly (GateMode | 'off')[];
const METRIC = /^[A-Za-z_:][A-Za-z0-9_:]{0,199}$/;

export const metricName = () => text(METRIC, 'the name of a metric');
export const labelName = () => text(/^[A-Za-z_][A-Za-z0-9_]{0,99}$/, 'the name of a label');

/** Label values that count: expressions over the whole value, as PromQL's `=~`. */
export const whereSchema = () => {
  const expected = 'a regular expression over the whole value of the label';
  const pattern = z.string({ error: expected }).refine(isExpression, { error: expected });
  return z.record(labelName(), pattern, { error: 'a mapping from labels to regular expressions' });
};

/** One that is broken is told when the layers have been merged: a schema would say no more than what else might stand there. */
type Written<T> = T | { readonly kind: 'broken'; readonly expected: string };

const promQl = (expected: string) =>
  z.string({ error: expected }).transform((written): Written<PromQl> => {
    const parsed = parsePromQl(written);
    return parsed.kind === 'ok' ? parsed.promQl : parsed;
  });

const COUNTER = 'the name of a metric, {metric, where}, or PromQL that gives counters';
const counter = () =>
  z.union(
    [
      metricName().transform((metric): Written<Counter> => ({ kind: 'metric', name: metric, where: {} })),
      promQl(COUNTER).transform((written): Written<Counter> => written),
      section({
        metric: metricName().describe('A counter.'),
        where: whereSchema().optional().describe('Which of its series count: regular expressions over whole label values.'),
      }).transform(({ metric, where = {} }): Written<Counter> => ({ kind: 'metric', name: metric, where })),
    ],
    { error: COUNTER },
  );

const bound = () => {
  const expected = 'a number';
  const number = z.number({ error: expected });
  return z.union(
    [
      number,
      text(/^-?\d{1,15}(\.\d{1,15})?$/, expected)
        .transform(Number)
        .pipe(number),
    ],
    { error: expected },
  );
};

const customGate = section({
  source: name().optional().describe('One of `metrics`; absent: the first.'),
  bad: counter().optional().describe('What is bad among `all`. Without both, the connection knows the gate by its name.'),
  all: counter().optional().describe('What is counted.'),
  comparison: choice(['stable', 'absolute'])
    .optional()
    .describe('The candidate’s share against that of stable, or by itself against the tolerance; stable where nothing is said.'),
  tolerance: share({ above: 0, most: 1, example: '0.2%' })
    .optional()
    .describe('How much larger the candidate’s share may be, in percentage points; by itself, how large.'),
  value: promQl('PromQL that gives one value')
    .optional()
    .describe('In place of `bad` and `all`: a value of the candidate, held to a threshold.'),
  above: bound().optional().describe('A value above this is too much.'),
  below: bound().optional().describe('A value below this is too little.'),
  mode: choice(MODES).optional().describe('As for every gate. A value is always held literally: threshold, observe or off.'),
  required: flag().optional().describe('Refuse the rollout when no source measures it.'),
  consecutive: count({ least: 1, most: 100 })
    .optional()
    .describe('Ticks in a row over the tolerance before it fails; 3 where nothing is said.'),
  alpha: alphaShare(),
});

export function alphaShare() {
  return share({ above: 0, most: 1, example: '40%' })
    .optional()
    .describe(
      'Its part of alpha, before the parts are brought to a sum of 100 %: errors 40 %, latency 30 %, others 10 % where nothing is said.',
    );
}

export const customGatesSchema = z.record(name(), customGate, {
  error: 'a mapping from names to {source, bad, all, tolerance, …}',
});

/** After the layers have been merged. */
export type Said = z.output<typeof customGate>;

function isExpression(pattern: string): boolean {
  try {
    new RegExp(`^(?:${pattern})$`, 's');
    return true;
  } catch {
    return false;
  }
}
