/** A verdict in plain words, for the timeline, the screen and Temporal's UI. */
import type { Finding } from './decide.js';
import type { Context } from './gate.js';

export function whole(count: number): string {
  return String(Math.round(count)).replace(/\B(?=(\d{3})+$)/g, ',');
}

/** Two significant figures: 0.10 %, 2.5 %, 12 %. */
export function percent(share: number): string {
  return `${decimal(share * 100)} %`;
}

/** Percentage points, without trailing zeros: 0.9, 0.05. */
export function points(difference: number): string {
  return trimmed(difference * 100);
}

export function trimmed(value: number): string {
  return String(Number(value.toPrecision(2)));
}

export function decimal(value: number): string {
  const size = Math.abs(value);
  if (size === 0) return '0';
  if (size >= 10) return value.toFixed(size >= 99.5 ? 0 : 1);
  if (size >= 1) return value.toFixed(1);
  // 0.0987 is 0.10 beside 0.12, as people write them.
  return value.toFixed(size >= 0.095 ? 2 : Math.min(6, 1 - Math.floor(Math.log10(size))));
}

export function duration(ms: number): string {
  const seconds = Math.max(0, Math.ceil(ms / 1000));
  return seconds < 120 ? `${String(seconds)} s` : `${String(Math.ceil(seconds / 60))} min`;
}

export function share(bad: number, requests: number): string {
  return requests > 0 ? `${whole(bad)} of ${whole(requests)} (${percent(bad / requests)})` : 'no requests';
}

export interface Told {
  readonly context: Context;
  readonly finding: Finding;
  /** −1: no sample yet. */
  readonly elapsedMs: number;
  readonly requests: number;
  readonly stableRequests: number;
  /** "at least 0.9 points worse (tolerance 0.05)" */
  readonly atLeast: string;
  readonly atMost: string;
  /** What the literal rule compares: "0.9 points worse (tolerance 0.05)". */
  readonly literally?: string;
  readonly streak?: number;
  readonly moreRequests?: number | undefined;
  readonly ageMs?: number | undefined;
  readonly unit?: string;
}

/** The sentence's second half. */
export function conclusion(told: Told): string {
  const { context, finding, elapsedMs } = told;
  const { policy, gate, alpha } = context;
  const nextBp = policy.next?.weightBp;
  const wait = waitFor(told);
  switch (finding.reason) {
    case 'worse':
      return `${told.atLeast}. Failed after ${duration(elapsedMs)}. False-alarm budget used: ${trimmed(alpha * 100)} of ${trimmed(policy.alpha * 100)} %.`;
    case 'latched':
      return 'failed earlier in this step, and a failure stands.';
    case 'duplicate-effect':
      return `a side effect happened twice. Failed after ${duration(elapsedMs)}.`;
    case 'growth':
    case 'trend':
      return `${told.atLeast}. Failed after ${duration(elapsedMs)}.`;
    case 'over-tolerance':
      return `${told.literally ?? told.atLeast}. Failed after ${duration(elapsedMs)}.`;
    case 'certified':
      return `certified: ${told.atMost}.`;
    case 'accepted-by-budget':
      return `accepted: at most ${whole(Math.ceil(finding.harm ?? 0))} extra bad requests at the next step${nextBp === undefined ? '' : ` (${percent(nextBp / 10_000)})`}.`;
    case 'no-growth':
    case 'within-tolerance':
      return `${told.literally ?? told.atMost}: within tolerance.`;
    case 'soaking':
      return `inconclusive: ${duration(policy.soakMs - elapsedMs)} of the soak left.`;
    case 'too-few-requests':
      return `inconclusive: ${wait ?? `fewer than ${whole(policy.minimumRequests)} ${told.unit ?? 'requests'}`}.`;
    case 'uncertain':
      if (told.literally !== undefined)
        return `inconclusive: ${told.literally}, ${String(told.streak ?? 0)} of ${String(gate.consecutive)} ticks in a row.`;
      return `inconclusive: ${wait ?? 'this traffic cannot settle it soon'}; ${told.atMost}.`;
    case 'improved':
      return 'inconclusive: better by more than the tolerance; that is a change too, and a human approves it.';
    case 'stale':
      return `blind: the newest sample ${told.ageMs === undefined || !Number.isFinite(told.ageMs) ? 'has no usable time' : `is ${duration(told.ageMs)} old (limit ${duration(policy.staleMs)})`}.`;
    case 'invalid':
      return 'blind: the source gave numbers that cannot be.';
    case 'missing':
      return 'blind: the source gave nothing.';
    case 'no-baseline':
      return 'blind: there is no stable traffic to compare with.';
    case 'no-canary':
      return 'blind: the candidate got no requests where some were due.';
    case 'out-of-range':
      return "blind: stable's p95 lies above the last bucket.";
    default: {
      const never: never = finding.reason;
      return never;
    }
  }
}

/** "1,880 more requests or 4 min" */
function waitFor({ context, elapsedMs, requests, stableRequests, moreRequests, unit }: Told): string | undefined {
  const minimum = context.policy.minimumRequests;
  const more = moreRequests ?? (requests < minimum ? minimum - requests : 0);
  if (more > 0) {
    const time = requests > 0 && elapsedMs > 0 ? ` or ${duration((more * elapsedMs) / requests)}` : '';
    return `${whole(Math.ceil(more))} more ${unit ?? 'requests'}${time}`;
  }
  return stableRequests < minimum
    ? `${whole(Math.ceil(minimum - stableRequests))} more ${unit ?? 'requests'} on stable`
    : undefined;
}
