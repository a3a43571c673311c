import type { Leaving, RolloutState, Watch } from './state.js';
import { stepAt } from './step-policy.js';
import { find, note, percent, type Turn } from './telling.js';

const FLAT_GATES = ['errors', 'latency'] as const;

/** Remembers how a step is left, until the last verification asks (R35). */
export function leave(state: RolloutState, { step, last }: Watch, on: Leaving['on']): RolloutState {
  const gates = last.kind === 'judged' ? last.judgement.gates : [];
  const notFlat = gates
    .filter(({ gate, verdict }) => FLAT_GATES.some((flat) => flat === gate) && verdict !== 'pass')
    .map(({ gate, verdict }) => `${gate} ${verdict}`);
  const duplicates = gates.find(({ gate }) => gate === 'dedupe')?.figures['duplicateEffects'] ?? 0;
  return { ...state, ledger: { ...state.ledger, left: [...state.ledger.left, { step, on, notFlat, duplicates }] } };
}

/**
 * Errors and p95 flat at each step, no duplicate effects in the rollout window (R35). A step that was left on a pass is flat by
 * its gates; one that a person or the probes let pass is not proven, and a gate that only observes may say so: a finding each.
 */
export function sayWhatIsFlat(turn: Turn, state: RolloutState): RolloutState {
  const { left } = state.ledger;
  const findings = left.flatMap((leaving) =>
    doubts(leaving).map((doubt) => `${percent(stepAt(turn.plan, leaving.step).weightBp)}: ${doubt}`),
  );
  return findings.length === 0
    ? note(turn, state, `verified: probes, and the gates in force at each of ${left.length} steps`)
    : find(turn, note(turn, state, 'verified: probes; see the findings for the steps'), findings, 'warning');
}

const LEFT_ON = { probes: 'accepted on probes', skip: 'left by skip', promote: 'left by promote' } as const;

function doubts({ on, notFlat, duplicates }: Leaving): readonly string[] {
  return [
    ...(on === 'pass' ? [] : [`${LEFT_ON[on]}, so errors and p95 are not proven flat`]),
    ...(notFlat.length === 0 ? [] : [`not flat when it was left: ${notFlat.join(', ')}`]),
    ...(duplicates === 0 ? [] : [`${duplicates} duplicate effects, seen by a gate that only observes`]),
  ];
}
