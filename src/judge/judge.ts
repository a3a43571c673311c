/**
 * Readings → verdicts. Pure: no clock, no randomness; the time is in the samples. Run it in an activity, since Math.log may
 * differ between engines (judge.md §1).
 */
import type { GatePolicy, StepPolicy } from '../domain/policy.js';
import type { Reading, Sample } from '../domain/reading.js';
import type { Evidence, GateName, GateVerdict } from '../domain/verdict.js';
import type { Json } from '../domain/words.js';
import { alphaOf } from './alpha.js';
import { coldStarts } from './cold-starts.js';
import { absoluteGate, customGate, valueGate } from './custom.js';
import type { Memory } from './decide.js';
import { dedupe } from './dedupe.js';
import { drift } from './drift.js';
import { errors } from './errors.js';
import type { Context, Gate, Judged } from './gate.js';
import { latency } from './latency.js';
import { pack, unpack } from './packing.js';
import { queueAge } from './queue-age.js';
import { isNumber, isRecord } from './samples.js';

const VERSION = 1;

/**
 * Evidence for the start of a step. `previous` is the evidence of the step before (or of readings judged at weight 0, the
 * look-back): what was learnt of stable goes on, the counts start anew, a failure does not count here. At 100 % stable's
 * 95 % upper bound of the step before becomes the limit (judge.md §0). An unreadable `previous` carries nothing.
 */
export function openEvidence(policy: StepPolicy, previous?: Evidence): Evidence {
  const before = memoriesOf(previous);
  return evidenceOf(policy.gates.map((gate) => [gate.gate, bound(gate).open(contextOf(policy, gate.gate), before?.[gate.gate])]));
}

/**
 * All gates at one tick. Never throws on what a source or a history may contain: a bad sample is a blind gate, and a memory
 * that cannot be read is started afresh from the reading, which holds all counts since the step began; the sentence says so.
 * At weight 0 nothing is judged: the gates only learn stable's bursts and its latency (look-back, judge.md §0).
 */
export function judge(
  policy: StepPolicy,
  evidence: Evidence,
  reading: Reading,
): { readonly verdicts: readonly GateVerdict[]; readonly evidence: Evidence } {
  const memories = memoriesOf(evidence);
  const judged = policy.gates.map((own) => ({
    gate: own.gate,
    ...bound(own).judge(contextOf(policy, own.gate), memories?.[own.gate], isRecord(reading) ? reading : {}),
  }));
  return {
    verdicts: judged.map(({ verdict }) => verdict),
    evidence: evidenceOf(judged.map(({ gate, memory }) => [gate, memory])),
  };
}

/** The evidence that `judge` would leave of readings one after the other, without the verdicts, which nobody asks for. */
export function learnFrom(policy: StepPolicy, evidence: Evidence, readings: readonly Reading[]): Evidence {
  const memories = memoriesOf(evidence);
  return evidenceOf(
    policy.gates.map((own) => {
      const context = contextOf(policy, own.gate);
      return [own.gate, bound(own).learn(context, memories?.[own.gate], readings.filter(isRecord))];
    }),
  );
}

/**
 * What each gate of `policy` would have said of evidence that was gathered under `recorded`: exactly, for the evidence holds
 * the sums of judge.md §1 and not the verdict. A failure of before does not stand, and a recorded moment counts for as many
 * ticks in a row as the literal rule asks for. Undefined: the evidence does not hold what that gate would need.
 */
export function judgeAgain(policy: StepPolicy, evidence: Evidence, recorded: StepPolicy): readonly (GateVerdict | undefined)[] {
  const memories = memoriesOf(evidence);
  return policy.gates.map((gate) => {
    const once = recorded.gates.find((other) => other.gate === gate.gate);
    const context = contextOf(policy, gate.gate);
    // Counts of something else say nothing.
    if (JSON.stringify(once?.measure) !== JSON.stringify(gate.measure)) return undefined;
    return once && bound(gate).again({ ...context, gate: { ...context.gate, consecutive: 1 } }, memories?.[gate.gate], once);
  });
}

/** A gate whose memory is packed: what is common to all of them, whatever each remembers. */
interface BoundGate {
  open(context: Context, before: Json | undefined): number[];
  judge(
    context: Context,
    memory: Json | undefined,
    reading: Reading,
  ): { readonly memory: number[]; readonly verdict: GateVerdict };
  learn(context: Context, memory: Json | undefined, readings: readonly Reading[]): number[];
  again(context: Context, memory: Json | undefined, recorded: GatePolicy): GateVerdict | undefined;
}

function bind<S extends Memory & { readonly [K in keyof S]: number | readonly number[] }, T>(gate: Gate<S, T>): BoundGate {
  return {
    open: (context, before) => pack<S>(gate.layout, gate.open(context, unpack<S>(gate.layout, before))),
    judge: (context, memory, reading) => {
      const known = unpack<S>(gate.layout, memory);
      const state = known ?? gate.open(context, undefined);
      const judged = gate.judge(context, state, notFromThePast(state, gate.sample(reading)));
      const packed = pack<S>(gate.layout, judged.state);
      const verdict = verdictOf(context, judged, known !== undefined);
      // The last fence against numbers that overflow: such a tick is no data and leaves no trace.
      const isSound = packed.every(isNumber) && Object.values(verdict.figures).every(isNumber);
      return isSound ? { memory: packed, verdict } : { memory: pack<S>(gate.layout, state), verdict: unsound(context, state) };
    },
    learn: (context, memory, readings) => {
      let state = unpack<S>(gate.layout, memory) ?? gate.open(context, undefined);
      let packed = pack<S>(gate.layout, state);
      for (const reading of readings) {
        const after = gate.judge(context, state, notFromThePast(state, gate.sample(reading))).state;
        const next = pack<S>(gate.layout, after);
        if (next.every(isNumber)) [state, packed] = [after, next];
      }
      return packed;
    },
    again: (context, memory, recorded) => {
      const state = unpack<S>(gate.layout, memory);
      const again = state && state.elapsedMs >= 0 ? gate.again?.({ ...state, failed: 0 }, context, recorded) : undefined;
      return again && verdictOf(context, gate.judge(context, again.before, again.sample), true);
    },
  };
}

/** Time that goes backwards is a source that lost its place: its numbers are not believed. */
function notFromThePast<T>(state: Memory, sample: Sample<T> | undefined): Sample<T> | undefined {
  return isRecord(sample) && isNumber(sample.elapsedMs) && sample.elapsedMs < state.elapsedMs
    ? { ...sample, value: undefined as T }
    : sample;
}

function verdictOf<S>({ gate }: Context, judged: Judged<S>, remembered: boolean): GateVerdict {
  const { verdict, reason } = judged.finding;
  const figures: Record<string, number> = {};
  for (const name of Object.keys(judged.figures)) {
    const figure = judged.figures[name];
    if (figure !== undefined) figures[name] = figure;
  }
  return {
    gate: gate.gate,
    verdict,
    reason,
    decisive: gate.mode !== 'observe' && judged.vacuous !== true,
    gross: verdict === 'fail' && judged.gross,
    figures,
    sentence: remembered
      ? judged.sentence
      : `${judged.sentence} (What this gate remembered could not be read: started afresh from the counts.)`,
  };
}

function unsound({ gate }: Context, { failed }: Memory): GateVerdict {
  const found =
    failed === 1 ? ({ verdict: 'fail', reason: 'latched' } as const) : ({ verdict: 'blind', reason: 'invalid' } as const);
  return {
    gate: gate.gate,
    ...found,
    decisive: gate.mode !== 'observe',
    gross: false,
    figures: {},
    sentence: `${gate.gate}: ${found.verdict}: the numbers of this tick cannot be calculated with.`,
  };
}

const GATES: Readonly<Record<string, BoundGate>> = {
  errors: bind(errors),
  latency: bind(latency),
  'cold-starts': bind(coldStarts),
  'queue-age': bind(queueAge),
  drift: bind(drift),
  dedupe: bind(dedupe),
};
const CUSTOM = 'custom:';

function bound({ gate: name, measure }: GatePolicy): BoundGate {
  if (name.startsWith(CUSTOM)) return boundCustom(name.slice(CUSTOM.length), measure);
  const gate = Object.hasOwn(GATES, name) ? GATES[name] : undefined;
  if (gate === undefined)
    throw new TypeError(`Unknown gate "${name}". Known: ${Object.keys(GATES).join(', ')}, ${CUSTOM}<name>.`);
  return gate;
}

/** Each kind remembers other things, so that they are bound one by one. */
function boundCustom(name: string, measure: GatePolicy['measure']): BoundGate {
  if (measure?.kind === 'value') return bind(valueGate(name, measure.fails));
  return measure?.comparison === 'absolute' ? bind(absoluteGate(name)) : bind(customGate(name));
}

function contextOf(policy: StepPolicy, name: GateName): Context {
  const gate = policy.gates.find((candidate) => candidate.gate === name);
  if (gate === undefined) throw new TypeError(`Gate "${name}" is not in the policy.`);
  return { policy, gate, alpha: alphaOf(name, policy) };
}

function evidenceOf(memories: readonly (readonly [GateName, number[]])[]): Evidence {
  return { version: VERSION, gates: Object.fromEntries(memories) };
}

function memoriesOf(evidence: Evidence | undefined): Readonly<Record<string, Json>> | undefined {
  if (!isRecord(evidence) || evidence['version'] !== VERSION) return undefined;
  const gates: unknown = evidence['gates'];
  return isRecord(gates) ? (gates as Readonly<Record<string, Json>>) : undefined;
}
