import type { GateName, GateVerdict, VerdictReason } from '../../domain/verdict.js';
import { inWords } from './durations.js';
import { share, thousands, type Paint } from './text.js';

/** What people call what a gate measures. */
const LABELS: Partial<Record<GateName, string>> = {
  errors: '5xx',
  latency: 'p95',
  'cold-starts': 'cold starts',
  'queue-age': 'queue age',
  drift: 'drift',
  dedupe: 'missed replays',
};

export const gateLabel = (gate: GateName): string => LABELS[gate] ?? gate.replace(/^custom:/, '');

/** Cells of one gate: what, stable, candidate, verdict. The whole sentence stands on the timeline. */
export function gateRow(gate: GateVerdict, paint: Paint): readonly string[] {
  const { stable, candidate } = measured(gate);
  return [gateLabel(gate.gate), stable, candidate, paint(colourOf(gate), verdictInWords(gate))];
}

const NOTHING = '–';

/** "No data" is shown as such, never as 0. */
export function measured({ gate, figures }: GateVerdict): { readonly stable: string; readonly candidate: string } {
  const shareOf = (bad: string, requests: string): string => rate(figures[bad], figures[requests]);
  switch (gate) {
    case 'latency':
      return { stable: ms(figures['stableP95Ms']), candidate: ms(figures['candidateP95Ms']) };
    case 'queue-age':
      return { stable: NOTHING, candidate: figures['ageS'] === undefined ? NOTHING : inWords(figures['ageS'] * 1_000) };
    case 'drift':
      return {
        stable: NOTHING,
        candidate: figures['medianDrift'] === undefined ? NOTHING : `|d| ${figures['medianDrift'].toFixed(3)}`,
      };
    case 'dedupe':
      return { stable: NOTHING, candidate: shareOf('misses', 'replays') };
    default: {
      const { candidateValue: value } = figures;
      if (value !== undefined) return { stable: NOTHING, candidate: String(Number(value.toPrecision(4))) };
      const limit = figures['stableRateLimit'];
      return {
        stable: limit === undefined ? shareOf('stableBad', 'stableRequests') : `≤ ${share(limit)}`,
        candidate: shareOf('candidateBad', 'candidateRequests'),
      };
    }
  }
}

const rate = (bad: number | undefined, requests: number | undefined): string =>
  bad === undefined || requests === undefined || requests <= 0 ? NOTHING : share(bad / requests);
const ms = (value: number | undefined): string => (value === undefined ? NOTHING : `${thousands(value)} ms`);

const REASONS: Record<VerdictReason, string> = {
  worse: 'the candidate is worse',
  latched: 'failed earlier in this step',
  'duplicate-effect': 'a side effect happened twice',
  growth: 'it grows',
  trend: 'it grows',
  'over-tolerance': 'over the tolerance',
  certified: 'certified',
  'accepted-by-budget': 'accepted',
  'no-growth': 'it does not grow',
  'within-tolerance': 'within the tolerance',
  soaking: 'still soaking',
  'too-few-requests': 'too few requests',
  uncertain: 'not settled yet',
  improved: 'better by more than the tolerance: a human approves it',
  stale: 'the newest sample is too old',
  invalid: 'the source gave impossible numbers',
  missing: 'the source gave nothing',
  'no-baseline': 'no stable traffic to compare with',
  'no-canary': 'no requests on the candidate',
  'out-of-range': "stable's p95 is above the last bucket",
};

export const reasonInWords = (reason: VerdictReason): string => REASONS[reason];

export function verdictInWords({ verdict, reason, figures, decisive }: GateVerdict): string {
  const more = figures['moreRequests'];
  const harm = figures['harmBadRequests'];
  const detail =
    reason === 'uncertain' && more !== undefined
      ? `${thousands(more)} more requests`
      : reason === 'accepted-by-budget' && harm !== undefined
        ? `accepted: at most ${thousands(Math.ceil(harm))} extra bad requests at the next step`
        : REASONS[reason];
  return `${verdict}: ${detail}${decisive ? '' : ' (observed)'}`;
}

function colourOf({ verdict, decisive }: GateVerdict): Parameters<Paint>[0] {
  if (!decisive) return 'dim';
  return verdict === 'pass' ? 'green' : verdict === 'fail' ? 'red' : 'yellow';
}
