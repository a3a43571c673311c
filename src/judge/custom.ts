/** Gates of the user's own (`custom:<name>`). */
import type { CustomMeasure } from '../domain/custom-measure.js';
import type { PerRevision, RateCounts, Reading, Sample } from '../domain/reading.js';
import { blind, latch, type Memory } from './decide.js';
import { differenceGate } from './errors.js';
import { rulesOf, type Gate } from './gate.js';
import { ownShareGate } from './own-share.js';
import { SCALAR } from './packing.js';
import { believe, isNumber, isRecord } from './samples.js';
import { conclusion, trimmed } from './sentence.js';
import { literal } from './threshold.js';

/** What the sample holds is checked by whoever judges it. */
const sampleOf =
  <T>(name: string) =>
  (reading: Reading): Sample<T> | undefined =>
    isRecord(reading.custom) ? (reading.custom[name] as Sample<T> | undefined) : undefined;

/** The share of bad among all, candidate against stable, judged like the errors. */
export const customGate = (name: string): ReturnType<typeof differenceGate> =>
  differenceGate(name, sampleOf<PerRevision<RateCounts>>(name));

/** The candidate's own share of bad among all, held to the tolerance. */
export const absoluteGate = (name: string): ReturnType<typeof ownShareGate> =>
  ownShareGate(name, sampleOf<PerRevision<RateCounts>>(name), () => -1);

interface ValueState extends Memory {
  readonly streak: number;
}

/**
 * A value of the candidate, held to the gate's tolerance, so many ticks in a row. Nothing is sampled that could be tested:
 * this is the literal rule, it spends no alpha, and what it promises is what it says. Never gross.
 */
export const valueGate = (name: string, fails: Extract<CustomMeasure, { kind: 'value' }>['fails']): Gate<ValueState, number> => ({
  layout: { failed: SCALAR, elapsedMs: SCALAR, streak: SCALAR },
  sample: sampleOf<number>(name),
  open: () => ({ failed: 0, elapsedMs: -1, streak: 0 }),
  judge: (context, before, sample) => {
    const { gate, policy } = context;
    const { tolerance } = gate;
    const rules = { ...rulesOf(context), consecutive: gate.consecutive };
    const believed = believe(sample, policy.staleMs, isNumber);
    const value = believed.kind === 'good' ? believed.sample.value : undefined;
    const elapsedMs = believed.kind === 'good' ? believed.sample.elapsedMs : before.elapsedMs;
    const seen = { elapsedMs, requests: Infinity, bad: 0, stableRequests: Infinity, stableRate: 0 };
    const over = value === undefined ? undefined : fails === 'above' ? value > tolerance : value < tolerance;
    // A tick without a value is no data, and does not end what was seen before it.
    const { streak, finding: found } =
      believed.kind === 'blind'
        ? { streak: before.streak, finding: blind(believed.reason) }
        : literal(rules, seen, over, elapsedMs > before.elapsedMs, before.streak);
    const { state, finding } = latch({ ...before, elapsedMs, streak }, found);
    const literally = `${value === undefined ? 'no value' : trimmed(value)} (${fails === 'above' ? 'at most' : 'at least'} ${trimmed(tolerance)})`;
    return {
      state,
      finding,
      gross: false,
      figures: { candidateValue: value, tolerance },
      sentence: `${name}: candidate ${conclusion({
        context,
        finding,
        elapsedMs,
        requests: Infinity,
        stableRequests: Infinity,
        atLeast: literally,
        atMost: literally,
        literally,
        streak,
        ageMs: sample?.ageMs,
      })}`,
    };
  },
});
