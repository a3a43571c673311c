/** What holds for any data: interruptions change nothing, bad data never passes, a fail stands. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { GatePolicy, StepPolicy } from '../../src/domain/policy.js';
import type { Reading, Sample } from '../../src/domain/reading.js';
import type { Evidence, GateName, GateVerdict } from '../../src/domain/verdict.js';
import { judge, openEvidence } from '../../src/judge/judge.js';
import { gate, lastStep, policy, sample } from './traffic.js';

const BOUNDS = [50, 100, 110, 121, 200, 400];
const NAMES: readonly GateName[] = ['errors', 'latency', 'cold-starts', 'queue-age', 'drift', 'dedupe', 'custom:refusals'];
const MODES: readonly GatePolicy['mode'][] = ['sequential', 'threshold', 'observe'];
const short = { soakMs: 60_000, minimumRequests: 20, next: { weightBp: 2_500, soakMs: 60_000 } };
/** Shrinking judges thousands of ticks again: to shrink a failure, replay its seed and path without `endOnFailure`. */
const runs = (numRuns: number): { readonly numRuns: number; readonly endOnFailure: boolean } => ({ numRuns, endOnFailure: true });
const roundTrip = <T>(value: T): T => JSON.parse(JSON.stringify(value)) as T;

/** A reading at a tick: good, or with a signal missing, old or impossible. Counts rise from tick to tick, or are reset. */
interface Noise {
  readonly candidate: number;
  readonly candidateBad: number;
  readonly stable: number;
  readonly stableBad: number;
  readonly slow: number;
  readonly ageS: number;
  readonly misses: number;
  readonly trouble: 'none' | 'reset' | 'missing' | 'stale' | 'NaN' | 'null' | 'excess' | 'backwards';
}

const noise: fc.Arbitrary<Noise> = fc.record({
  candidate: fc.nat(200),
  candidateBad: fc.oneof(fc.nat(2), fc.nat(200)),
  stable: fc.nat(4_000),
  stableBad: fc.nat(10),
  slow: fc.nat(40),
  ageS: fc.double({ min: 0, max: 90, noNaN: true }),
  misses: fc.oneof(fc.constant(0), fc.nat(3)),
  trouble: fc.oneof(
    { weight: 6, arbitrary: fc.constant('none' as const) },
    {
      weight: 4,
      arbitrary: fc.constantFrom(
        'reset' as const,
        'missing' as const,
        'stale' as const,
        'NaN' as const,
        'null' as const,
        'excess' as const,
        'backwards' as const,
      ),
    },
  ),
});

function readingsFrom(ticks: readonly Noise[]): Reading[] {
  let n1 = 0,
    e1 = 0,
    n0 = 0,
    e0 = 0,
    misses = 0;
  let fast = { candidate: 0, stable: 0 };
  let slow = { candidate: 0, stable: 0 };
  return ticks.map((tick, k) => {
    if (tick.trouble === 'reset') {
      n1 = e1 = misses = 0;
      fast = { ...fast, candidate: 0 };
      slow = { ...slow, candidate: 0 };
    }
    n1 += tick.candidate;
    e1 = Math.min(n1, e1 + Math.min(tick.candidate, tick.candidateBad));
    n0 += tick.stable;
    e0 = Math.min(n0, e0 + tick.stableBad);
    misses = Math.min(n1, misses + tick.misses);
    fast = { candidate: fast.candidate + tick.candidate, stable: fast.stable + tick.stable };
    slow = { candidate: slow.candidate + tick.slow, stable: slow.stable + Math.min(tick.stable, 10) };
    const trouble = tick.trouble;
    const elapsedMs = trouble === 'backwards' ? 5_000 * k - 1 : 5_000 * (k + 1);
    const bad = trouble === 'NaN' ? NaN : trouble === 'excess' ? n1 + 1 : e1;
    const of = <T>(value: T): Sample<T> =>
      sample(elapsedMs, (trouble === 'null' ? null : value) as T, trouble === 'stale' ? 99_000 : 1_000);
    const rates = {
      candidate: { requests: n1, bad },
      stable: { requests: n0, bad: e0, byReplica: { a: { requests: n0, bad: e0 }, b: { requests: Math.floor(n0 / 2), bad: 0 } } },
    };
    const histogram = (side: 'candidate' | 'stable'): number[] => [
      fast[side],
      0,
      0,
      0,
      slow[side],
      trouble === 'NaN' ? NaN : 0,
      0,
    ];
    if (trouble === 'missing') return {};
    return {
      errors: of(rates),
      coldStarts: of(rates),
      custom: { refusals: of(rates) },
      latency: of({ boundsMs: BOUNDS, counts: { candidate: histogram('candidate'), stable: histogram('stable') } }),
      queueAgeS: of(trouble === 'NaN' ? NaN : tick.ageS),
      drift: of(Array.from({ length: 20 }, () => (tick.ageS - 30) / 1_000)),
      dedupe: of({ replays: n1, misses: trouble === 'excess' ? n1 + 1 : misses, duplicateEffects: 0 }),
    };
  });
}

const steps: fc.Arbitrary<StepPolicy> = fc
  .record({
    mode: fc.constantFrom(...MODES),
    weightBp: fc.constantFrom(100, 500, 2_500, 5_000, 10_000),
    budget: fc.constantFrom(0, 'auto' as const),
  })
  .map(({ mode, weightBp, budget }) => {
    const changes = { ...short, gates: NAMES.map((name) => gate(name, { mode })), weightBp, badRequestsBudget: budget };
    return weightBp === 10_000 ? lastStep(changes) : policy(changes);
  });

function run(
  step: StepPolicy,
  start: Evidence,
  readings: readonly Reading[],
): { readonly verdicts: readonly (readonly GateVerdict[])[]; readonly evidence: readonly Evidence[] } {
  const verdicts: (readonly GateVerdict[])[] = [];
  const evidence = [start];
  for (const reading of readings) {
    const judged = judge(step, evidence.at(-1) ?? start, reading);
    verdicts.push(judged.verdicts);
    evidence.push(judged.evidence);
  }
  return { verdicts, evidence };
}

test('Going on from any tick’s evidence, written and read again, gives the verdicts of a run without interruption.', () => {
  fc.assert(
    fc.property(steps, fc.array(noise, { minLength: 2, maxLength: 16 }), fc.nat(15), (step, ticks, at) => {
      const readings = readingsFrom(ticks);
      const whole = run(step, openEvidence(step), readings);
      const from = at % readings.length;
      const resumed = run(step, roundTrip(whole.evidence[from] ?? null), readings.slice(from));
      assert.deepEqual(resumed.verdicts, whole.verdicts.slice(from));
    }),
    runs(60),
  );
});

test('The judge changes nothing that it is given.', () => {
  const freeze = <T>(value: T): T => {
    if (typeof value === 'object' && value !== null) Object.values(Object.freeze(value)).forEach(freeze);
    return value;
  };
  fc.assert(
    fc.property(steps, fc.array(noise, { minLength: 1, maxLength: 5 }), (step, ticks) => {
      run(freeze(step), freeze(openEvidence(step)), freeze(readingsFrom(ticks)));
    }),
    runs(50),
  );
});

test('A gate that has failed fails at every later tick of the step.', () => {
  let failures = 0;
  fc.assert(
    fc.property(steps, fc.array(noise, { minLength: 2, maxLength: 12 }), (step, ticks) => {
      const { verdicts } = run(step, openEvidence(step), readingsFrom(ticks));
      for (const [k] of NAMES.entries()) {
        const history = verdicts.map((tick) => tick[k]?.verdict);
        const first = history.indexOf('fail');
        if (first < 0) continue;
        failures++;
        assert.ok(
          history.slice(first).every((verdict) => verdict === 'fail'),
          history.join(),
        );
      }
    }),
    runs(80),
  );
  assert.ok(failures > 50, `only ${String(failures)} failures: the property says nothing`);
});

test('A gate’s figures are finite, and its evidence fits 8 KB, whatever it is told.', () => {
  fc.assert(
    fc.property(steps, fc.array(noise, { minLength: 1, maxLength: 12 }), (step, ticks) => {
      const { verdicts, evidence } = run(step, openEvidence(step), readingsFrom(ticks));
      for (const { figures, gross, verdict } of verdicts.flat()) {
        assert.ok(Object.values(figures).every(Number.isFinite), JSON.stringify(figures));
        assert.ok(!gross || verdict === 'fail');
      }
      assert.ok(evidence.every((value) => JSON.stringify(value).length <= 8_192));
    }),
    runs(60),
  );
});

/** A reading on which every gate passes, and the evidence of the tick before it. */
const good = readingsFrom(
  Array.from({ length: 13 }, () => ({
    candidate: 100,
    candidateBad: 0,
    stable: 1_900,
    stableBad: 0,
    slow: 0,
    ageS: 3,
    misses: 0,
    trouble: 'none',
  })),
);
const lastGood = good.at(-1) ?? {};
const passing = NAMES.map((name) => {
  const step = policy({ ...short, gates: [gate(name)] });
  return { name, step, evidence: run(step, openEvidence(step), good.slice(0, -1)).evidence.at(-1) ?? null };
});

type Where = readonly (string | number)[];

/** Where the numbers are that a gate reads; of the replicas, which only teach, none. */
function numbersIn(value: unknown, at: Where = []): Where[] {
  if (typeof value === 'number') return [at];
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]) =>
    key === 'at' || key === 'byReplica' ? [] : numbersIn(inner, [...at, key]),
  );
}

function replaced(value: unknown, at: Where, by: unknown): unknown {
  const [key, ...rest] = at;
  if (key === undefined) return by;
  if (Array.isArray(value)) return value.map((inner: unknown, k) => (k === Number(key) ? replaced(inner, rest, by) : inner));
  const record = value as Readonly<Record<string, unknown>>;
  return { ...record, [key]: replaced(record[key], rest, by) };
}

const WHERE: Readonly<Record<string, Where>> = {
  errors: ['errors'],
  latency: ['latency'],
  'cold-starts': ['coldStarts'],
  'queue-age': ['queueAgeS'],
  drift: ['drift'],
  dedupe: ['dedupe'],
  'custom:refusals': ['custom', 'refusals'],
};
const at = (reading: unknown, where: Where): unknown =>
  where.reduce<unknown>((value, key) => (value as Readonly<Record<string | number, unknown>>)[key], reading);
const NOT_A_NUMBER = [NaN, Infinity, -Infinity, null, undefined, '7', true, {}, [], [3]] as const;

test('All gates pass on the good data that the next test spoils.', () => {
  for (const { step, evidence, name } of passing)
    assert.equal(judge(step, evidence, lastGood).verdicts[0]?.verdict, 'pass', name);
});

test('Data with one thing wrong never passes and never throws, in 20,000 ways.', () => {
  let cases = 0;
  fc.assert(
    fc.property(
      fc.constantFrom(...passing),
      fc.nat(),
      fc.nat(),
      fc.constantFrom(...NOT_A_NUMBER),
      fc.double({ max: -1e-6, noNaN: true, noDefaultInfinity: true }),
      fc.nat(9),
      ({ name, step, evidence }, pick, amount, junk, negative, kind) => {
        const where = WHERE[name] ?? [];
        const numbers = numbersIn(at(lastGood, where)).map((inner) => [...where, ...inner]);
        const number = numbers[pick % numbers.length] ?? where;
        const isTime = number.at(-1) === 'elapsedMs' || number.at(-1) === 'ageMs';
        const isDifference = name === 'drift' && !isTime;
        const spoil = (): unknown => {
          if (kind <= 2) return replaced(lastGood, number, junk);
          if (kind === 3) return replaced(lastGood, isTime || isDifference ? [...where, 'value'] : number, negative);
          if (kind === 4) return replaced(lastGood, [...where, 'value'], junk === null ? 'x' : junk);
          if (kind === 5) return replaced(lastGood, where, junk);
          if (kind === 6) return replaced(lastGood, [...where, 'ageMs'], 20_001 + amount);
          if (kind === 7) return replaced(lastGood, [...where, 'elapsedMs'], 60_000 - 1 - (amount % 100_000));
          return name === 'latency'
            ? reshaped(amount)
            : name === 'queue-age' || name === 'drift'
              ? replaced(lastGood, [...where, 'value'], [NaN])
              : tooManyBad(where, name, amount);
        };
        const reading = spoil() as Reading;
        const [found] = judge(step, evidence, reading).verdicts;
        cases++;
        assert.ok(found);
        assert.notEqual(found.verdict, 'pass', `${name}: ${JSON.stringify(at(reading, where))} ${found.sentence}`);
        assert.ok(Object.values(found.figures).every(Number.isFinite));
      },
    ),
    runs(20_000),
  );
  assert.ok(cases >= 20_000);
});

function reshaped(amount: number): unknown {
  const shapes = [
    [
      ['latency', 'value', 'boundsMs'],
      [...BOUNDS, 800],
    ],
    [['latency', 'value', 'boundsMs'], BOUNDS.slice(1)],
    [['latency', 'value', 'boundsMs'], BOUNDS.map((bound) => bound + 1)],
    [['latency', 'value', 'boundsMs'], BOUNDS.toReversed()],
    [['latency', 'value', 'boundsMs'], []],
    [
      ['latency', 'value', 'counts', 'candidate'],
      [1, 2, 3],
    ],
    [
      ['latency', 'value', 'counts', 'stable'],
      [1, 2, 3, 4, 5, 6, 7, 8],
    ],
    [['latency', 'value'], { boundsMs: [100, 200], counts: { candidate: [1, 2, 3], stable: [1, 2, 3] } }],
  ] as const;
  const [where, value] = shapes[amount % shapes.length] ?? shapes[0];
  return replaced(lastGood, where, value);
}

function tooManyBad(where: Where, name: GateName, amount: number): unknown {
  const side = amount % 2 === 0 || name === 'cold-starts' ? 'candidate' : 'stable';
  return name === 'dedupe'
    ? replaced(lastGood, [...where, 'value', 'misses'], 100_000 + amount)
    : replaced(lastGood, [...where, 'value', side, 'bad'], 100_000 + amount);
}

test('A reading that is anything at all never passes and never throws.', () => {
  fc.assert(
    fc.property(
      fc.constantFrom(...passing),
      fc.anything({ withBigInt: true, withDate: true, withNullPrototype: true, withSparseArray: true }),
      fc.boolean(),
      ({ name, step, evidence }, anything, whole) => {
        const reading = (whole ? anything : replaced(lastGood, WHERE[name] ?? [], anything)) as Reading;
        assert.notEqual(judge(step, evidence, reading).verdicts[0]?.verdict, 'pass');
      },
    ),
    runs(2_000),
  );
});

test('Evidence that is anything at all, or right but for a number, never throws and gives finite figures.', () => {
  const spoilt = fc.tuple(
    fc.constantFrom(...passing),
    fc.nat(),
    fc.oneof(fc.double(), fc.constantFrom<unknown>(null, 'x', [], 1e308, -1e308, -1)),
  );
  fc.assert(
    fc.property(spoilt, fc.jsonValue(), fc.boolean(), ([{ step, evidence }, pick, value], anything, whole) => {
      const places = numbersIn(evidence);
      const before = (whole ? anything : replaced(evidence, places[pick % places.length] ?? [], value)) as Evidence;
      const { verdicts } = judge(step, before, lastGood);
      for (const { figures } of verdicts) assert.ok(Object.values(figures).every(Number.isFinite), JSON.stringify(figures));
      openEvidence(step, before);
      const bake = lastStep({ ...short, gates: step.gates });
      judge(bake, openEvidence(bake, before), lastGood);
    }),
    runs(2_000),
  );
});
