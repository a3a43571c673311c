/**
 * A recorded rollout judged again under another policy, at the moments that its history keeps. Steps are matched by their
 * weight. Gates alone are looked at: who approved, paused or aborted stays as it was.
 */
import type { RecordedMoment, RecordedRollout } from '../client/index.js';
import type { RolloutPlan } from '../domain/plan.js';
import type { StepPolicy } from '../domain/policy.js';
import { stepPolicy } from '../domain/step-policy.js';
import { percent } from '../domain/telling.js';
import { combine, type GateName, type GateVerdict, type Verdict } from '../domain/verdict.js';
import type { BasisPoints } from '../domain/words.js';
import { judgeAgain } from '../judge/judge.js';
import { EXIT, exitOfOutcome, type ExitCode } from './exit-codes.js';
import { inWords } from './render/durations.js';

/** How an entry to a step ends: at its first failure, else at its first pass, else as it stood at last. */
export interface End {
  readonly verdict: Verdict;
  /** Soaked by then, by the sources' clocks. */
  readonly afterMs: number;
}

/** The first moment of an entry at which a gate says something else. Undefined: that policy does not judge it. */
export interface Difference {
  readonly gate: GateName;
  readonly afterMs: number;
  readonly then: GateVerdict | undefined;
  readonly now: GateVerdict | undefined;
}

export interface Entry {
  /** As people count: the first ramp is 1. */
  readonly ramp: number;
  /** As people count: the first is 1. */
  readonly step: number;
  readonly weightBp: BasisPoints;
  readonly then: End;
  /** Undefined: the other policy has no step of this weight. */
  readonly now: End | undefined;
  /** Of the other policy, at this weight. */
  readonly soakMs: number | undefined;
  readonly differences: readonly Difference[];
}

export interface Resolution {
  readonly moments: number;
  /** Of all verdicts of a gate at a moment, how many were judged again from their evidence. */
  readonly judgedAgain: number;
  readonly heartbeats: number;
  /** Longest stretch of a step without a recorded moment, in milliseconds of soak. */
  readonly longestGapMs: number;
  /** Gates of which the record holds too little to judge them again: their recorded verdicts stand. */
  readonly asRecorded: readonly GateName[];
  /** Gates of the other policy that were not in force. */
  readonly notRecorded: readonly GateName[];
}

export type Consequence = 'same' | 'rolled-back' | 'not-rolled-back' | 'held' | 'sooner' | 'undecided';

export interface WhatIf {
  readonly entries: readonly Entry[];
  readonly resolution: Resolution;
  readonly consequence: Consequence;
  readonly text: string;
  readonly exit: ExitCode;
}

export function whatIf(recorded: RecordedRollout, plan: RolloutPlan): WhatIf {
  const ramps = [...new Set(recorded.moments.map(({ ramp }) => ramp))];
  const judged = entriesIn(recorded.moments).map((moments) => judgedEntry(moments, plan, ramps));
  const entries = judged.map(({ entry }) => entry);
  const gates = plan.judge.gates.map(({ gate }) => gate);
  const inForce = new Set(recorded.moments.flatMap(({ policy }) => policy.gates.map(({ gate }) => gate)));
  const kept = new Set(judged.flatMap(({ asRecorded }) => asRecorded));
  const resolution = {
    moments: recorded.moments.length,
    judgedAgain: judged.reduce((sum, one) => sum + one.judgedAgain, 0),
    heartbeats: recorded.moments.filter(({ from }) => from === 'heartbeat').length,
    longestGapMs: Math.max(0, ...judged.map(({ longestGapMs }) => longestGapMs)),
    asRecorded: gates.filter((gate) => kept.has(gate)),
    notRecorded: gates.filter((gate) => !inForce.has(gate)),
  };
  return { entries, resolution, ...conclusion(entries, recorded) };
}

/** Moments of one entry to a step; the watch of a step that is being left overlaps the next, so that they are sorted by their name. */
function entriesIn(moments: readonly RecordedMoment[]): readonly (readonly RecordedMoment[])[] {
  const entries = new Map<string, RecordedMoment[]>();
  for (const moment of moments) {
    const key = `${moment.ramp}/${String(moment.step)}`;
    entries.set(key, [...(entries.get(key) ?? []), moment]);
  }
  return [...entries.values()];
}

interface Judged {
  readonly entry: Entry;
  readonly longestGapMs: number;
  readonly asRecorded: readonly GateName[];
  readonly judgedAgain: number;
}

function judgedEntry(moments: readonly RecordedMoment[], plan: RolloutPlan, ramps: readonly string[]): Judged {
  const again = moments.map((moment) => againAt(moment, plan));
  const times = moments.map(({ judgement }) => judgement.soakedMs);
  const [first] = moments as readonly [RecordedMoment];
  const now = again.flatMap((one, k) => (one === undefined ? [] : [{ verdict: one.verdict, afterMs: times[k] ?? 0 }]));
  return {
    entry: {
      ramp: ramps.indexOf(first.ramp) + 1,
      step: first.step + 1,
      weightBp: first.policy.weightBp,
      then: endOf(moments.map(({ judgement: { verdict, soakedMs } }) => ({ verdict, afterMs: soakedMs }))),
      now: now.length === 0 ? undefined : endOf(now),
      soakMs: plan.steps[stepLike(first.policy, plan) ?? -1]?.soakMs,
      differences: differencesOf(moments, again),
    },
    longestGapMs: Math.max(...times.map((time, k) => time - (times[k - 1] ?? 0))),
    asRecorded: again.flatMap((one) => one?.asRecorded ?? []),
    judgedAgain: again.reduce((sum, one) => sum + (one?.judgedAgain ?? 0), 0),
  };
}

interface Again {
  readonly verdict: Verdict;
  readonly gates: readonly GateVerdict[];
  readonly asRecorded: readonly GateName[];
  readonly judgedAgain: number;
}

/** Index of the other policy's step of this weight; the bakes are each other's, whatever they hold back. */
function stepLike({ weightBp, next }: StepPolicy, { steps }: RolloutPlan): number | undefined {
  const index = steps.findIndex((step) => step.weightBp === weightBp);
  if (index >= 0) return index;
  return next === undefined ? steps.length - 1 : undefined;
}

/** Undefined: the other policy has no step of this weight. */
function againAt({ policy, evidence, judgement }: RecordedMoment, plan: RolloutPlan): Again | undefined {
  const index = stepLike(policy, plan);
  if (index === undefined) return undefined;
  const entries = plan.steps.map(() => policy.earlierEntries + 1);
  const other = stepPolicy(plan, { entries }, { gatesInForce: policy.gates.map(({ gate }) => gate) }, index);
  const anew = judgeAgain(other, evidence, policy);
  const gates = other.gates.map(({ gate, mode }, k) => {
    const once = judgement.gates.find((verdict) => verdict.gate === gate);
    // What has happened twice has, under every policy; of what cannot be judged again the recorded verdict stands.
    const stands = once?.reason === 'duplicate-effect' || anew[k] === undefined;
    const recorded = once && { ...once, decisive: once.decisive && mode !== 'observe' };
    return { gate, stands, verdict: stands ? recorded : anew[k] };
  });
  const verdicts = gates.flatMap(({ verdict }) => verdict ?? []);
  return {
    verdict: combine(verdicts),
    gates: verdicts,
    asRecorded: gates.filter(({ stands, verdict }) => stands && verdict !== undefined).map(({ gate }) => gate),
    judgedAgain: gates.filter(({ stands }) => !stands).length,
  };
}

function endOf(ends: readonly End[]): End {
  const end =
    ends.find(({ verdict }) => verdict === 'fail') ?? ends.find(({ verdict }) => verdict === 'pass') ?? ends[ends.length - 1];
  if (end === undefined) throw new RangeError('an entry without a recorded moment');
  return end;
}

function differencesOf(moments: readonly RecordedMoment[], again: readonly (Again | undefined)[]): readonly Difference[] {
  const seen = new Set<GateName>();
  return moments.flatMap(({ judgement }, k) => {
    const now = again[k];
    if (now === undefined) return [];
    const names = new Set([...judgement.gates, ...now.gates].map(({ gate }) => gate));
    return [...names].flatMap((gate) => {
      const [before, after] = [judgement.gates, now.gates].map((all) => all.find((one) => one.gate === gate));
      if (seen.has(gate) || (before?.verdict === after?.verdict && before?.decisive === after?.decisive)) return [];
      seen.add(gate);
      return [{ gate, afterMs: judgement.soakedMs, then: before, now: after }];
    });
  });
}

function conclusion(entries: readonly Entry[], { outcome }: RecordedRollout): Pick<WhatIf, 'consequence' | 'text' | 'exit'> {
  const ended = outcome === undefined ? 'it is still running, or ended without an outcome' : `it was ${outcome.outcome}`;
  for (const [k, entry] of entries.entries()) {
    const found = entry.now && differingEnd(entry, entry.now, k === entries.length - 1);
    if (found !== undefined) return { ...found, text: `${found.text} (as recorded, ${ended})` };
  }
  return {
    consequence: 'same',
    text: outcome === undefined ? `no difference so far: ${ended}` : `the same end: ${ended}`,
    exit: outcome === undefined ? EXIT.detached : exitOfOutcome(outcome.outcome),
  };
}

/** From where on the two rollouts go different ways. Undefined: they go the same way past this entry. */
function differingEnd(
  { step, weightBp, then, soakMs = 0 }: Entry,
  now: End,
  isLast: boolean,
): Pick<WhatIf, 'consequence' | 'text' | 'exit'> | undefined {
  const where = `at ${percent(weightBp)} (step ${String(step)})`;
  const after = `after ${inWords(now.afterMs)}`;
  if (now.verdict === then.verdict) return undefined;
  if (now.verdict === 'fail')
    return { consequence: 'rolled-back', exit: EXIT.rolledBack, text: `would have been rolled back ${where} ${after}` };
  if (then.verdict === 'fail')
    return {
      consequence: 'not-rolled-back',
      exit: EXIT.detached,
      text: `would not have been rolled back ${where} after ${inWords(then.afterMs)}, ${now.verdict === 'pass' ? 'but have gone on to the next step' : `but have gone on being watched (${now.verdict})`}; what would have followed is not recorded`,
    };
  if (then.verdict === 'pass' && now.afterMs < soakMs)
    return {
      consequence: 'undecided',
      exit: EXIT.detached,
      text: `undecided ${where}: the record of the step ends ${after}, before its soak of ${inWords(soakMs)} does`,
    };
  if (then.verdict === 'pass')
    return { consequence: 'held', exit: EXIT.held, text: `would have been held ${where} (${now.verdict} ${after})` };
  if (now.verdict === 'pass' && isLast)
    return {
      consequence: 'sooner',
      exit: EXIT.detached,
      text: `would have left ${percent(weightBp)} (step ${String(step)}) ${after}; what would have followed is not recorded`,
    };
  return undefined;
}
