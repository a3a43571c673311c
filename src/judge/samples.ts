/** What may be believed of a sample. Sources are outside the house: a number may be NaN, text, negative or absent. */
import type { RateCounts, Sample } from '../domain/reading.js';

export function isNumber(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value);
}

/** Above 2^53 a counter no longer counts. */
export function isCount(value: unknown): value is number {
  return isNumber(value) && value >= 0 && value <= Number.MAX_SAFE_INTEGER;
}

export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function isRateCounts(value: unknown): value is RateCounts {
  return isRecord(value) && isCount(value['requests']) && isCount(value['bad']) && value['bad'] <= value['requests'];
}

export type Believed<T> =
  | { readonly kind: 'good'; readonly sample: Sample<T> }
  | { readonly kind: 'blind'; readonly reason: 'missing' | 'stale' | 'invalid' };

/** No sample, one without a usable time or too old, one with impossible numbers: each is no data (judge.md §3). */
export function believe<T>(sample: Sample<T> | undefined, staleMs: number, isValid: (value: unknown) => boolean): Believed<T> {
  if (!isRecord(sample)) return { kind: 'blind', reason: 'missing' };
  const ageMs: unknown = sample.ageMs;
  if (!isNumber(sample.elapsedMs) || !isNumber(ageMs) || ageMs > staleMs) return { kind: 'blind', reason: 'stale' };
  return isValid(sample.value) ? { kind: 'good', sample } : { kind: 'blind', reason: 'invalid' };
}
