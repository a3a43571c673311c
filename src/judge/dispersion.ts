/**
 * The dispersion phi of judge.md §1: how much burstier than independent requests stable's bad requests are. Learnt from
 * stable, from past ticks only. Where replicas can be told apart, their spread inside a tick is used, which an outage that
 * hits everybody does not move; else the spread over time.
 */
import type { RateCounts } from '../domain/reading.js';

/**
 * Q, E, N, T over time (sum of e²/n, bad, requests, blocks), then X, F, M, K by replica (chi-square, its degrees of
 * freedom, requests, replicas seen), as the reference names them.
 */
export type Dispersion = readonly [Q: number, E: number, N: number, T: number, X: number, F: number, M: number, K: number];

export const NOTHING_LEARNT: Dispersion = [0, 0, 0, 0, 0, 0, 0, 0];
const CAP = 10;

/** One more block of stable, for the spread over time. */
export function learnOverTime([Q, E, N, T, X, F, M, K]: Dispersion, { requests: n, bad: e }: RateCounts): Dispersion {
  return n > 0 ? [Q + (e * e) / n, E + e, N + n, T + 1, X, F, M, K] : [Q, E, N, T, X, F, M, K];
}

/** The increments of stable's replicas in one tick. */
export function learnByReplica([Q, E, N, T, X, F, M, K]: Dispersion, replicas: readonly RateCounts[]): Dispersion {
  const busy = replicas.filter((replica) => replica.requests > 0);
  if (busy.length < 2) return [Q, E, N, T, X, F, M, K];
  const requests = busy.reduce((sum, replica) => sum + replica.requests, 0);
  const bad = busy.reduce((sum, replica) => sum + replica.bad, 0);
  const told = bad > 0 && bad < requests;
  const p = bad / requests;
  const chiSquare = busy.reduce((sum, { requests: n, bad: e }) => sum + (e - n * p) ** 2 / (n * p * (1 - p)), 0);
  return [Q, E, N, T, told ? X + chiSquare : X, told ? F + busy.length - 1 : F, M + requests, K + busy.length];
}

/** f of judge.md §1: chi-square over its degrees of freedom, at least 1. */
export function pearson([Q, E, N, T, X, F, , K]: Dispersion): number {
  if (K > 0) return F >= 1 ? Math.max(1, X / F) : 1;
  if (T < 10 || E < 5 || N <= 2 * T) return 1;
  return Math.max(1, ((Q * N) / E - E) / (T - 1));
}

/** phi of judge.md §1 for a block of so many requests a side; `stableRequests` is infinite against a known limit. */
export function dispersionFor(learnt: Dispersion, candidateRequests: number, stableRequests: number): number {
  const [, , N, T, , , M, K] = learnt;
  const f = pearson(learnt);
  const mean = K > 0 ? M / K : N / Math.max(1, T);
  if (f <= 1 || mean <= 2) return Math.min(f, CAP);
  const r = Math.min(1, (f - 1) / (mean - 1));
  return Math.max(1 + (2 * Math.max(0, candidateRequests - 1) * r) / (1 + candidateRequests / stableRequests), Math.min(f, CAP));
}

/** phi of stable's own total, for its upper bound: the plain variance inflation, capped. */
export function dispersionOfStable(learnt: Dispersion): number {
  return Math.min(pearson(learnt), CAP);
}
