import type { GateName } from '../domain/verdict.js';
import type { GatePolicy, JudgePolicy, StepPolicy } from '../domain/policy.js';

/** v of judge.md §2. Drift is compared, not sampled, and spends nothing; nor does a value that is held to a threshold. */
const SHARES: Readonly<Record<string, number>> = {
  errors: 0.4,
  latency: 0.3,
  'cold-starts': 0.1,
  'queue-age': 0.1,
  dedupe: 0.1,
  drift: 0,
};
const CUSTOM_SHARE = 0.1;
/** What the 20 judged probes at weight 0 spend (judge.md §0); never more than a tenth of a very small alpha. */
const PROBES_SHARE = 0.001;

export function shareOf(gate: GateName): number {
  return SHARES[gate] ?? CUSTOM_SHARE;
}

const partOf = ({ gate, share, measure }: Pick<GatePolicy, 'gate' | 'share' | 'measure'>): number =>
  share ?? (measure?.kind === 'value' ? 0 : shareOf(gate));

/** alpha · share / S · 2^-(r+1), judge.md §2: over all gates, steps and entries it sums to at most alpha. */
export function spend(alpha: number, share: number, judgedSteps: number, earlierEntries: number): number {
  return ((alpha * share) / judgedSteps) * 2 ** -(earlierEntries + 1);
}

/** The rollout's alpha less what the probes spend (judge.md §0). */
export function alphaForGates(alpha: number): number {
  return alpha - Math.min(PROBES_SHARE, alpha / 10);
}

/**
 * This gate's false-alarm budget for this entry to this step. The shares are normalised over all gates of
 * the policy, whatever their mode, so that what an observing gate says is what it would do in force.
 */
export function alphaOf(
  gate: GateName,
  policy: Pick<JudgePolicy, 'alpha' | 'gates'> & Pick<StepPolicy, 'judgedSteps' | 'earlierEntries'>,
): number {
  const shares = policy.gates.reduce((sum, other) => sum + partOf(other), 0);
  const own = policy.gates.find((other) => other.gate === gate) ?? { gate };
  return shares > 0 ? spend(alphaForGates(policy.alpha), partOf(own) / shares, policy.judgedSteps, policy.earlierEntries) : 0;
}
